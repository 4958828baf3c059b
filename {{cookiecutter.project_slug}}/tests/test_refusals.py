"""What the service refuses: settings with a wrong value, and requests that would harm it."""

import pytest

from config.env import Env

WRONG = {
    "maybe": lambda env: env.bool("SETTING"),
    "-1": lambda env: env.int("SETTING"),
    "nowhere": lambda env: env.cache("SETTING", ""),
    "mysql://ann@127.0.0.1/shop": lambda env: env.db("SETTING", ""),  # its driver is not installed
}


@pytest.mark.parametrize("value", WRONG)
def test_a_wrong_setting_is_one_line_that_names_it(monkeypatch, value):
    monkeypatch.setenv("SETTING", value)
    with pytest.raises(SystemExit, match=r"^SETTING: "):
        WRONG[value](Env())


REFUSED = {
    "a host of others": ({"HTTP_HOST": "evil.example"}, 400),
    "text not in UTF-8": ({"content_type": "text/plain; charset=idna"}, 400),
    "a large body": ({"data": {"username": "ann" * 9}}, 413),
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", REFUSED)
def test_a_harmful_request_is_refused(client, settings, name):
    request, status = REFUSED[name]
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 20
    response = client.post("/api/auth/token/", **request)
    assert (response.status_code, response.json()["status"]) == (status, status)
