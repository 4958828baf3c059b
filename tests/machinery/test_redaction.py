"""Redaction of text: which names, which spellings, and how long it takes."""

import json
import re
from time import process_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observability.events import log_event
from observability.line import redact
from observability.line.redact import MASK, Redactor
from observability.settings import HARMLESS_KEYS, SENSITIVE_KEYS

from .support import Logs, logging_to

REDACTOR = Redactor(SENSITIVE_KEYS, HARMLESS_KEYS)
CANARY = "canary9K"

SENSITIVE = """
    password Password PASSWORD user_password userPassword password1 db.password passwd PGPASSWD
    pwd db_pwd pw user_pw pass PASS smtp_pass passphrase key_passphrase passcode pass_code
    door-passcode pin pin_code userPin pincode PINCODE otp otp_code otpCode totp totp_seed cookie
    Set-Cookie HTTP_COOKIE cookies session sessionid session_key session-id sid connect.sid PHP_SID
    csrf csrftoken csrfmiddlewaretoken X-CSRFToken secret client_secret SECRET_KEY clientSecret
    webhook_secret token access_token accessToken refresh_token id_token X-Auth-Token bearer_token
    bot_token tokens jwt jwt_claims user_jwt signature X-Hub-Signature-256 request_signature api_key
    apiKey API-Key X-Api-Key apikey API.KEY HTTP_API_KEY access_key accessKeyId aws_access_key
    AWS_SECRET_ACCESS_KEY private_key privateKey ssh_private_key encryption_key encryptionKey
    FIELD_ENCRYPTION_KEY auth proxy_auth basicAuth authorization Authorization HTTP_AUTHORIZATION
    Proxy-Authorization credential credentials aws_credentials card_number cardNumber
    credit_card creditCard pan card_pan cvv cvv2 cvc card_cvc iban customer_iban ssn customerSSN
    max_tokens_password author_token passenger_pin token_count_secret
""".split()
HARMLESS = """
    token_count tokenCount user_token_count max_tokens maxTokens max-tokens total_tokens
    prompt_tokens completion_tokens input_tokens output_tokens tokens_used tokens_per_second
    token_limit token_type token_ttl token_expires_at tokenizer tokenized session_count sessionCount
    session_duration session_timeout session_engine active_sessions cookie_consent cookieConsent
    Cookie-Consent cookie_policy cookie_banner cookies_enabled cookiecutter passenger passengers
    passenger_id passengerName authored_by author author_id authors authority authentic
    authenticated is_authenticated pass_rate passRate pass_count passed passing passage passive
    passport compass
    bypass password_changed password_changed_at password_age password_length password_policy
    auth_method auth_type auth_backend signature_algorithm signature_version secretary csrf_exempt
    otp_enabled pin_count spin pinned pinterest shopping shipping opinion option options adoption
    company japan panel span expand pane side inside consider classname lesson assn design signal
    sector harvest keyboard key name id monkey keys access api private public number card credit
    caravan urban banner turban power pwned jwtless count status path method duration_ms
""".split()


def test_there_are_a_hundred_names_each_way():
    assert len(set(SENSITIVE)) >= 100
    assert len(set(HARMLESS)) >= 100


@pytest.mark.parametrize("name", SENSITIVE)
def test_a_sensitive_name_is_masked_in_payloads_and_in_text(name):
    assert REDACTOR.is_sensitive(name)
    assert CANARY not in REDACTOR.text(f"{name}={CANARY}")
    assert CANARY not in REDACTOR.text(f"{{'{name}': '{CANARY}'}}")


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_name_is_shown_in_payloads_and_in_text(name):
    assert not REDACTOR.is_sensitive(name)
    text = f"{name}=5 {{'{name}': 'shown'}}"
    assert REDACTOR.text(text) == text


def test_the_setting_replaces_the_harmless_names(settings, tmp_path):
    settings.LOG_HARMLESS_KEYS = ["token_color"]
    with logging_to(tmp_path / "own") as logs:
        log_event("spoken", {"token_color": "red", "max_tokens": 5, "note": "tokenColor=red"})
    assert logs.only()["payload"] == {
        "token_color": "red",
        "max_tokens": MASK,
        "note": "tokenColor=red",
    }


PEM = (
    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4\n\nMIIcanary9K+/\n"
    "canary9K=\n-----END RSA PRIVATE KEY-----"
)
TEXTS = {
    "a password with an @": ("postgres://shop:p@sscanary9K@db/shop", "postgres://shop:***@db/shop"),
    "a nested value": (
        "{'credentials': {'aws': ['}', 1], 'db': 'canary9K'}, 'a': 1}",
        "{'credentials': ***, 'a': 1}",
    ),
    "two equals signs": ("password == canary9K", "password == ***"),
    "an arrow": ("password => canary9K", "password => ***"),
    "a walrus": ("password := canary9K", "password := ***"),
    "a call": ("User(password=Secret('canary9K'), id=1)", "User(password=***, id=1)"),
    "triple quotes": ('password="""a "canary9K" b""" id=1', "password=*** id=1"),
    "raw bytes": ("password=rb'canary9K' id=1", "password=*** id=1"),
    "a quote that is doubled": ("password='it''scanary9K' id=1", "password=*** id=1"),
    "a cookie": ("cookie=a=1; b=canary9K\nid=1", "cookie=***\nid=1"),
    "a digest": ('authorization=Digest a="b", response="canary9K"', "authorization=***"),
    "a comma": ("password=p,canary9K;x id=1", "password=*** id=1"),
    "a private key": (f"private_key: {PEM}\nid=1", "private_key: ***\nid=1"),
    "a private key in a block of YAML": (
        f"private_key: |\n{PEM}\nid=1",
        "private_key: ***\n***\nid=1",
    ),
    "the lines of a private key": (
        f"private_key:\n{'M' * 64}\ncanary9K{'M' * 56}\ncanary9K=\nid=1",
        "private_key:\n***\nid=1",
    ),
    "a pair": ("[('X-Api-Key', 'canary9K'), ('id', 1)]", "[('X-Api-Key', ***), ('id', 1)]"),
    "JSON within JSON": (
        r"{\"password\": \"canary9K\", \"id\": 1}",
        r"{\"password\": ***, \"id\": 1}",
    ),
    "JSON within JSON within JSON": (r"{\\\"pin\\\": \\\"canary9K\\\"}", r"{\\\"pin\\\": ***}"),
    "an escaped quote within JSON within JSON": (
        r"{\"pin\": \"a\\\"canary9K\"}",
        r"{\"pin\": ***}",
    ),
    "a form's brackets": ("user[password]=canary9K&id=1", "user[password]=***&id=1"),
    "escaped brackets": ("user%5Bpin%5D=canary9K&id=1", "user%5Bpin%5D=***&id=1"),
    "a header as an object": (
        "{'name': 'Authorization', 'value': 'canary9K'}",
        "{'name': 'Authorization', 'value': ***}",
    ),
    "an option": ("run --password canary9K --id 1", "run --password *** --id 1"),
    "short terms with a suffix": (
        "{'otp_code': '1', 'pin_code': '2', 'iban_number': 'canary9K'}",
        "{'otp_code': ***, 'pin_code': ***, 'iban_number': ***}",
    ),
    "a constraint": ("Key (token)=(canary9K) already exists", "Key (token)=*** already exists"),
    "a constraint of two columns": (
        "Key (token, id)=(canary9K, 1) exists",
        "Key (token, id)=*** exists",
    ),
    "two words": ("the secret key: canary9K", "the secret key: ***"),
    "a token in a URL": ("https://canary9K@host/path", "https://***@host/path"),
    "a token as the user of a URL": ("https://canary9K:x@host/path", "https://***@host/path"),
    "a DSN": ("redis://:canary9K@cache:6379/0", "redis://:***@cache:6379/0"),
    "a JWT": ("got eyJhbGciOiJI.eyJzdWIiOiJj.canary9K-_x!", "got ***!"),
    "an AWS key": ("got AKIAIOSFODNN7EXAMPLE!", "got ***!"),
    "a GitHub token": ("got ghp_0123456789canary9K0123456789012345!", "got ***!"),
    "a GitHub token of the new kind": ("got github_pat_0123456789canary9K_0123!", "got ***!"),
    "a Slack token": ("got xoxb-123456789012-canary9K!", "got ***!"),
    "a Stripe key": ("got sk_live_0123456789canary9K!", "got ***!"),
    "a PEM block": (f"got {PEM}!", "got ***!"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_value_is_masked_to_its_end_and_no_further(name):
    text, shown = TEXTS[name]
    assert REDACTOR.text(text) == shown
    assert REDACTOR.is_suspect(text)
    long = "word\n" * 100  # a long text is searched in another way first
    assert REDACTOR.text(long + text) == long + shown


def test_a_long_text_without_separators_is_searched_soon():
    def seconds() -> float:
        started = process_time()
        REDACTOR.text("x" * 200_000)
        return process_time() - started

    assert any(seconds() < 0.01 for _ in range(40))


@pytest.mark.parametrize(
    "text",
    [
        "basic authentication required",
        "bearer authentication failed",
        "cookiecutter: version 2.6 is old",
        "GPIO pin=4",
        "Authorization: was granted",
        "https://shop.example.com:8000/a@b?email=ann@example.com",
        "https://shop.example.com/api/products/ 2026-11-22T16:47:37Z a: b",
        "shipping to the company: 5",
    ],
)
def test_a_text_without_a_secret_is_shown(text):
    assert REDACTOR.text(text) == text
    assert not REDACTOR.is_suspect(text)


NAMES = st.sampled_from([name for name in SENSITIVE if len(name) > 1])
SECRETS = st.text("abc019 ,;:=&@#é{}()[]/\\'\"\n", max_size=12).map(
    lambda text: f"{CANARY}{text}{CANARY}"
)
PLAIN = st.text("abc019@#é/=!:", max_size=6).map(lambda text: f"x{text}{CANARY}")
NOISE = st.sampled_from(
    [
        "",
        " ",
        "it failed: ",
        "a=1 ",
        "GET /?a=1&",
        "{'a': 1, ",
        "\n",
        "max_tokens=5 ",
        "é: ",
        "(",
        '"',
    ]
)
SEPARATORS = st.sampled_from(["=", ": ", " = ", " == ", "=>", " := ", ":", " => "])
QUOTED = st.builds(
    lambda write, secret: write(secret),
    st.sampled_from(
        [
            repr,
            json.dumps,
            lambda text: repr(text.encode()),
            lambda text: repr([text, {"a": text}]),
            lambda text: repr({"a": {"b": (text, 1)}, "c": text}),
            lambda text: json.dumps({"a": [text], "b": text}),
            lambda text: f"Secret({text!r})",
        ]
    ),
    SECRETS,
)
SPOKEN = st.one_of(
    st.builds(lambda name, sep, value: f"{name}{sep}{value}", NAMES, SEPARATORS, QUOTED | PLAIN),
    st.builds(lambda name, value: repr({name: value, "b": 1}), NAMES, SECRETS),
    st.builds(lambda name, value: json.dumps({"a": 1, name: value}), NAMES, SECRETS),
    st.builds(lambda name, value: json.dumps({name: {"a": [value]}}), NAMES, SECRETS),
    st.builds(lambda name, value: json.dumps(json.dumps({name: value}))[1:-1], NAMES, SECRETS),
    st.builds(lambda name, value: repr((name, value)), NAMES, SECRETS),
    st.builds(lambda name, value: repr({"name": name, "value": value}), NAMES, SECRETS),
    st.builds(lambda name, value: f"user[{name}]={value}&a=1", NAMES, PLAIN),
    st.builds(lambda name, value: f"user%5B{name}%5D={value}&a=1", NAMES, PLAIN),
    st.builds(lambda name, value: f"--{name} {value}", NAMES, PLAIN),
    st.builds(lambda name, value: f"Key ({name})=({value}) already exists", NAMES, PLAIN),
    st.builds(lambda value: f"postgres://shop:{value}@db/shop", PLAIN),
    st.builds(lambda value: f"Authorization: Token {value}", PLAIN),
    st.just(f"eyJ{CANARY}.eyJ{CANARY}.{CANARY}"),
    st.just(f"ghp_{CANARY * 5}"),
    st.just(f"token={PEM}"),
)


def test_no_pattern_repeats_a_group_possessively():
    """Before Python 3.11.5 that misses matches: Debian 12's showed the password of a URL."""
    compiled = [*vars(redact).values(), *vars(REDACTOR).values()]
    patterns = [each.pattern for each in compiled if isinstance(each, re.Pattern)]
    patterns += [pattern for _, pattern in redact._KNOWN]
    assert len(patterns) > 20
    possessive = re.compile(r"(?<!\\)\)(?:[*+?]|\{[0-9,]+\})\+")
    assert [pattern for pattern in patterns if possessive.search(pattern)] == []


@settings(max_examples=1_500, deadline=None, database=None)
@given(before=NOISE, first=SPOKEN, between=st.sampled_from([" ", "\n", " and "]), second=SPOKEN)
def test_no_secret_is_found_in_a_text(before, first, between, second):
    text = f"{before}{first}{between}{second}"
    assert CANARY not in REDACTOR.text(text)
    assert REDACTOR.is_suspect(text)


@settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(name=NAMES, secret=SECRETS, spoken=SPOKEN)
def test_no_secret_is_found_in_a_payload(logs: Logs, name, secret, spoken):
    log_event(
        "spoken", {"a": [{name: secret}], "b": (1, spoken, {"c": spoken}), "d": [[name, secret]]}
    )
    assert CANARY not in logs.text()


REPEATED = """
    cookie password= token=x~ token={ token=( token=' token=" token=() token[ token[a] token\\
    token=\\' (token)= ('token',' 'token', token, token:: token=< token=& token=a, token=a"
    token=Secret( token%5d token%3d user%5bpin%5d= --a~ --token~ -token ( ' " { } () {} a a= a1=b~
    A aA ab~ \\ - -- ( '{' pin~ pin= xpin= max_tokens= max_tokens=a~ token1=a~ token~ :// ://: ://:@
    ://a@b http://@ http://a@~ eyJ eyJ. -eyJ -----BEGIN~ -----BEGIN~PRIVATE~KEY----- bearer~
    bearer~aaaaaaaa~ basic~a basic xox ghp_ AKIA akia & é é= cookie= authorization:
    authorization:~a api_key api pass_rate=1~ : =
""".split()
LONG = {text: text.replace("~", " ") * (300_000 // len(text)) for text in REPEATED} | {
    "open quote": "password='" + "\\'" * 150_000,
    "open bracket": "password={" + "'a'" * 100_000,
    "spaces": ("token" + " " * 1_000) * 298,
    "different keys": " ".join(f"k{number:x}=1" for number in range(37_000)),
    "different sensitive keys": " ".join(f"pin{number:x}a=1" for number in range(27_000)),
    "base64": "token=" + ("M" * 64 + "\n") * 4_600,
}


@pytest.mark.parametrize("name", LONG)
def test_no_text_takes_long(name):
    def seconds() -> float:
        redactor = Redactor(SENSITIVE_KEYS, HARMLESS_KEYS)
        started = process_time()
        redactor.text(LONG[name])
        return process_time() - started

    # A busy machine may be slow for a while.
    assert any(seconds() < 0.05 for _ in range(40))
