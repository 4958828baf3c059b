"""Audit events: who did what to which object, from every door, and only what really happened."""

import json

import pytest
from auditlog.context import set_actor
from auditlog.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client
from rest_framework.authtoken.models import Token

from ecommerce.accounts.models import User
from ecommerce.products.models import Product

from .support import NAMESPACE, Logs, logging_to

pytestmark = pytest.mark.django_db(transaction=True)

REQUEST_ID = "audit-story-1"
ADDRESS = "203.0.113.7"
SECRET = "correct-horse-battery"
LAPTOP = {"name": "Laptop-canary", "stock": 10, "price": "50000.00"}
ALL_FIELDS = ["id", "name", "price", "stock"]


@pytest.fixture(autouse=True)
def quick_settings(settings, tmp_path) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.SECRET_KEY = "only-for-tests"
    settings.STATIC_ROOT = tmp_path  # whitenoise warns where there is none


@pytest.fixture
def admin(logs: Logs) -> User:
    """Return a superuser whose making is not part of the story."""
    user = User.objects.create_superuser("audit-admin", "admin@example.com", SECRET)
    forget(logs)
    return user


@pytest.fixture
def product(logs: Logs) -> Product:
    product = Product.objects.create(**LAPTOP)
    forget(logs)
    return product


@pytest.fixture
def browser(admin: User) -> Client:
    """Return a client whose session is the superuser's."""
    client = client_with()
    client.force_login(admin)
    return client


def client_with(**headers: str) -> Client:
    return Client(headers={"X-Request-ID": REQUEST_ID, **headers}, REMOTE_ADDR=ADDRESS)


def forget(logs: Logs) -> None:
    for path in logs.folder.glob("*.log"):
        path.write_bytes(b"")


def told(logs: Logs) -> list[dict]:
    """Return the audit lines, which must stand once in each of the two files."""
    lines = logs.lines("app", logger=f"{NAMESPACE}.audit")
    assert lines == logs.lines("audit")
    assert all(line["level"] == "INFO" for line in lines)
    elsewhere = ("login_succeeded", "logout", "token_created")  # tested with the security events
    return [line for line in lines if line["event"] not in elsewhere]


def summary(logs: Logs) -> list[tuple]:
    return [
        (line["event"], line["payload"]["model"], line["payload"].get("fields"))
        for line in told(logs)
    ]


def created_by_token(admin: User) -> None:
    token = Token.objects.create(user=admin)
    client = client_with(Authorization=f"Token {token.key}")
    assert client.post("/api/products/", LAPTOP, "application/json").status_code == 201


def created_by_session(admin: User) -> None:
    client = client_with()
    client.force_login(admin)
    assert client.post("/api/products/", LAPTOP, "application/json").status_code == 201


def created_in_admin(admin: User) -> None:
    client = client_with()
    client.force_login(admin)
    assert client.post("/admin/products/product/add/", LAPTOP).status_code == 302


@pytest.mark.parametrize("door", [created_by_token, created_by_session, created_in_admin])
def test_a_request_that_creates_an_object_is_told_with_its_actor(logs: Logs, admin: User, door):
    door(admin)
    (line,) = told(logs)
    assert line["event"] == "object_created"
    assert line["request_id"] == REQUEST_ID
    assert line["payload"] == {
        "model": "products.Product",
        "pk": str(Product.objects.get().pk),
        "actor_id": admin.pk,
        "ip": ADDRESS,
        "fields": ALL_FIELDS,
        "owasp": "sensitive_create",
    }


def test_the_trail_says_the_same_as_the_line(logs: Logs, admin: User):
    created_by_token(admin)
    entry = LogEntry.objects.get_for_model(Product).get()
    assert (entry.actor, entry.remote_addr, entry.cid) == (admin, ADDRESS, REQUEST_ID)
    assert entry.changes["name"] == ["None", LAPTOP["name"]]


def saved_in_a_shell() -> None:
    Product.objects.create(**LAPTOP)


def loaded_by_a_command(tmp_path) -> None:
    fixture = tmp_path / "products.json"
    fixture.write_text(json.dumps([{"model": "products.product", "pk": 1, "fields": LAPTOP}]))
    call_command("loaddata", str(fixture), verbosity=0)


@pytest.mark.parametrize("command", [False, True], ids=["shell", "management command"])
def test_a_change_outside_a_request_has_no_actor(logs: Logs, tmp_path, command: bool):
    loaded_by_a_command(tmp_path) if command else saved_in_a_shell()
    (line,) = told(logs)
    assert (line["event"], line["request_id"]) == ("object_created", None)
    assert (line["payload"]["actor_id"], line["payload"]["ip"]) == (None, None)


def test_an_actor_that_a_command_names_is_told(logs: Logs, admin: User):
    with set_actor(admin):
        Product.objects.create(**LAPTOP)
    (line,) = told(logs)
    assert line["payload"]["actor_id"] == admin.pk


def test_an_update_names_the_fields_that_changed_and_no_value(logs: Logs, browser, product):
    change = {**LAPTOP, "name": "Tablet-canary", "stock": 11}
    assert browser.post(f"/admin/products/product/{product.pk}/change/", change).status_code == 302
    assert summary(logs) == [("object_updated", "products.Product", ["name", "stock"])]
    assert "canary" not in logs.text() + logs.text("audit")


def test_saving_without_a_change_is_not_told(logs: Logs, product: Product):
    product.save()
    assert told(logs) == []


def one_by_one(browser: Client, product: Product) -> None:
    browser.post(f"/admin/products/product/{product.pk}/delete/", {"post": "yes"})


def as_selected(browser: Client, product: Product) -> None:
    action = {"action": "delete_selected", "_selected_action": product.pk, "post": "yes"}
    browser.post("/admin/products/product/", action)


@pytest.mark.parametrize("delete", [one_by_one, as_selected])
def test_a_deletion_is_told(logs: Logs, admin, browser, product, delete):
    delete(browser, product)
    assert not Product.objects.exists()
    (line,) = told(logs)
    assert line["event"] == "object_deleted"
    assert line["payload"] == {
        "model": "products.Product",
        "pk": str(product.pk),
        "actor_id": admin.pk,
        "ip": ADDRESS,
        "owasp": "sensitive_delete",
    }


RIGHTS = {
    "user joins a group": ("groups", lambda user, group: user.groups.add(group)),
    "group takes a user in": ("groups", lambda user, group: group.user_set.add(user)),
    "groups are set": ("groups", lambda user, group: user.groups.set([group])),
    "becomes staff": ("is_staff", lambda user, _: setattr(user, "is_staff", True) or user.save()),
    "is shut out": ("is_active", lambda user, _: setattr(user, "is_active", False) or user.save()),
}


@pytest.mark.parametrize(("field", "change"), RIGHTS.values(), ids=RIGHTS)
def test_what_a_user_may_do_is_told_of_that_user(logs: Logs, field: str, change):
    user, group = User.objects.create_user("somebody"), Group.objects.create(name="keepers")
    forget(logs)
    change(user, group)
    assert summary(logs) == [("permissions_changed", "accounts.User", [field])]
    assert told(logs)[0]["payload"]["pk"] == str(user.pk)


@pytest.mark.parametrize(
    "leave",
    [
        lambda user, group: user.groups.remove(group),
        lambda user, group: user.groups.clear(),
        lambda user, group: group.user_set.clear(),
    ],
    ids=["remove", "clear", "clear from the other side"],
)
def test_leaving_a_group_is_told_and_no_group_that_was_never_joined(logs: Logs, leave):
    user, group = User.objects.create_user("somebody"), Group.objects.create(name="keepers")
    Group.objects.create(name="never-joined")
    user.groups.add(group)
    forget(logs)
    leave(user, group)
    assert summary(logs) == [("permissions_changed", "accounts.User", ["groups"])]
    entry = LogEntry.objects.get_for_object(user).first()
    assert entry.changes["groups"]["operation"] == "delete"
    assert "never-joined" not in entry.changes["groups"]["objects"]


def test_a_new_user_who_may_do_everything_shows_in_the_names_of_the_fields(logs: Logs):
    User.objects.create_superuser("the-boss", password=SECRET)
    User.objects.create_user("somebody")
    fields = [line["payload"]["fields"] for line in told(logs)]
    assert fields[0] == ["date_joined", "id", "is_staff", "is_superuser", "password", "username"]
    assert fields[1] == ["date_joined", "id", "password", "username"]


def test_the_permissions_of_a_group_are_told_of_the_group(logs: Logs):
    group = Group.objects.create(name="keepers")
    forget(logs)
    group.permissions.add(Permission.objects.first())
    assert summary(logs) == [("permissions_changed", "auth.Group", ["permissions"])]


def test_joining_a_group_again_is_not_told(logs: Logs):
    user, group = User.objects.create_user("somebody"), Group.objects.create(name="keepers")
    user.groups.add(group)
    forget(logs)
    user.groups.add(group)
    assert told(logs) == []


def test_a_new_password_is_told_and_no_part_of_its_hash_is_kept(logs: Logs, admin: User):
    admin.set_password("another-password")
    admin.save()
    assert summary(logs) == [("password_changed", "accounts.User", ["password"])]
    entry = LogEntry.objects.get_for_object(admin).first()
    assert entry.changes == {"password": ["********", "********"]}


def test_a_new_password_and_new_rights_are_told_both(logs: Logs, admin: User):
    admin.set_password("another-password")
    admin.is_staff = False
    admin.save()
    fields = ["is_staff", "password"]
    assert summary(logs) == [
        ("permissions_changed", "accounts.User", fields),
        ("password_changed", "accounts.User", fields),
    ]


def test_a_hash_that_a_login_renews_is_no_new_password(logs: Logs, admin: User, settings):
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    client_with().post("/admin/login/", {"username": admin.username, "password": SECRET})
    assert User.objects.get().password.startswith("pbkdf2_")
    assert summary(logs) == [("object_updated", "accounts.User", ["password"])]


@pytest.mark.parametrize("url", ["/admin/password_change/", "/admin/accounts/user/{}/password/"])
def test_a_new_password_of_the_admin_is_told(logs: Logs, browser: Client, admin: User, url: str):
    new = {"new_password1": "a-long-one-7", "new_password2": "a-long-one-7"}
    new |= {"old_password": SECRET, "password1": "a-long-one-7", "password2": "a-long-one-7"}
    assert browser.post(url.format(admin.pk), new).status_code == 302
    assert [line["event"] for line in told(logs)] == ["password_changed"]


def test_a_login_is_no_change_of_the_user(logs: Logs, admin: User):
    client_with().post("/admin/login/", {"username": admin.username, "password": SECRET})
    assert User.objects.get().last_login
    assert told(logs) == []


def test_who_deletes_themselves_is_told_and_can(logs: Logs, admin: User, browser: Client):
    pk = admin.pk
    assert browser.post(f"/admin/accounts/user/{pk}/delete/", {"post": "yes"}).status_code == 302
    assert not User.objects.exists()
    (line,) = told(logs)
    assert line["event"] == "object_deleted"
    assert (line["payload"]["pk"], line["payload"]["actor_id"]) == (str(pk), pk)


def test_what_is_rolled_back_is_not_told(logs: Logs, product: Product):
    with transaction.atomic():
        Product.objects.create(**LAPTOP)
        product.name = "Tablet"
        product.save()
        product.delete()
        transaction.set_rollback(True)
    assert told(logs) == []


def test_what_a_savepoint_takes_back_is_not_told(logs: Logs):
    with transaction.atomic():
        with transaction.atomic():
            Product.objects.create(**LAPTOP)
            transaction.set_rollback(True)
        Product.objects.create(**LAPTOP)
        assert told(logs) == [], "told before it was committed"
    assert summary(logs) == [("object_created", "products.Product", ALL_FIELDS)]


def test_an_update_that_the_database_refuses_is_not_told(logs: Logs, product: Product):
    product.stock = 2**70
    with pytest.raises((DatabaseError, OverflowError)):
        product.save()
    assert told(logs) == []


def test_an_update_that_was_refused_is_not_told_later(logs: Logs, product: Product):
    product.stock = -5
    with pytest.raises(IntegrityError), transaction.atomic():
        product.save()
    product.refresh_from_db()
    product.save()
    assert told(logs) == []


@pytest.mark.parametrize("level", ["INFO", "ERROR", "CRITICAL"])
def test_the_audit_file_has_every_event_whatever_the_level(tmp_path, level: str):
    with logging_to(tmp_path / level, level=level) as logs:
        Product.objects.create(**LAPTOP)
    assert [line["event"] for line in logs.lines("audit")] == ["object_created"]
    assert len(logs.lines("app")) == (1 if level == "INFO" else 0)


def test_without_the_file_there_is_no_audit_file(tmp_path):
    with logging_to(tmp_path / "errors-only", handlers=["error_file"]) as logs:
        Product.objects.create(**LAPTOP)
    assert logs.text("audit") == ""


def test_an_address_that_the_client_makes_up_is_not_told(logs: Logs, admin: User):
    token = Token.objects.create(user=admin)
    client = client_with(
        **{"Authorization": f"Token {token.key}", "X-Forwarded-For": "198.51.100.1"}
    )
    client.post("/api/products/", LAPTOP, "application/json")
    (line,) = told(logs)
    assert line["payload"]["ip"] == ADDRESS
    assert LogEntry.objects.get_for_model(Product).get().remote_addr == ADDRESS


def test_a_request_that_changes_nothing_is_not_asked_who_it_is(
    browser: Client, django_assert_num_queries
):
    with django_assert_num_queries(0):
        answer = browser.get("/no-such-page")
    assert "Cookie" not in answer.get("Vary", "")
