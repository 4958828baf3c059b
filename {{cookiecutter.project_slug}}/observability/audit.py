"""Audit events: who created, changed or deleted what, logged when the change is committed.

django-auditlog keeps the trail in its table, with values; a line has the names of the fields.
https://django-auditlog.readthedocs.io/
"""

from functools import partial
from typing import Any

from auditlog import get_logentry_model
from auditlog.context import auditlog_disabled
from auditlog.registry import auditlog
from auditlog.signals import post_log
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models.signals import m2m_changed, post_save, pre_delete, pre_save

from .context import client_ip, current_request
from .events import log_event
from .line.known_types import identity
from .security import AUDIT

LogEntry = get_logentry_model()
User = get_user_model()

# Each event with its name in OWASP's Logging Vocabulary: see security.py.
_EVENTS = {
    LogEntry.Action.CREATE: ("object_created", "sensitive_create"),
    LogEntry.Action.UPDATE: ("object_updated", "sensitive_update"),
    LogEntry.Action.DELETE: ("object_deleted", "sensitive_delete"),
}
# A change of one of these, of a user or a group, changes what somebody may do.
_RIGHTS = {"groups", "user_permissions", "permissions", "is_superuser", "is_staff", "is_active"}
# What a signal of a many-to-many relation means to django-auditlog. What is cleared is known
# before, in the same transaction.
_OPERATIONS = {"post_add": "add", "post_remove": "delete", "pre_clear": "delete"}


def connect() -> None:
    """Complete django-auditlog's entries, and log them."""
    pre_save.connect(_complete_entry, sender=LogEntry)
    # Before django-auditlog's own receiver, whose application comes later in INSTALLED_APPS.
    pre_save.connect(_log_or_forget_entry)
    post_log.connect(_entry_written)
    post_save.connect(_log_or_forget_entry)
    m2m_changed.connect(_relation_changed)
    pre_delete.connect(_user_leaves, sender=User)


def masked(_value: str) -> str:
    """Hide all of a value; django-auditlog's own mask shows the second half."""
    return "********"


def _actor() -> Any:
    """Return the user of the request being served, read only when something has changed.

    A middleware, as django-auditlog has one, is too early: DRF authenticates in the view. And
    it would read the session of every request.
    """
    context = current_request()
    user = getattr(context.request, "user", None) if context else None
    return user if isinstance(user, User) else None


def _complete_entry(instance: Any, **_signal: Any) -> None:
    """Complete an entry before it is saved; an actor that was set by hand stays."""
    if context := current_request():
        instance.remote_addr = client_ip(context)
    actor = _actor()
    if actor and instance.actor_id is None and not hasattr(actor, "leaves"):
        instance.actor = actor
        instance.actor_email = getattr(actor, "email", None)


def _user_leaves(instance: Any, **_signal: Any) -> None:
    """Remember a user who deletes their own account: no entry may point at it."""
    actor = _actor()
    if actor and actor.pk == instance.pk:
        actor.leaves = True


def _entry_written(instance: Any, log_entry: Any, **_signal: Any) -> None:
    if log_entry and log_entry.action == LogEntry.Action.UPDATE:
        # Written before the object is saved, which may yet fail.
        instance.__dict__["_audit_entry"] = log_entry
    elif log_entry and log_entry.action in _EVENTS:
        _log_on_commit(instance, log_entry)


def _log_or_forget_entry(signal: Any, instance: Any, **_signal: Any) -> None:
    """Log the entry of a save that is done; before the next one, forget that of one that failed."""
    log_entry = instance.__dict__.pop("_audit_entry", None)
    if log_entry and signal is post_save:
        _log_on_commit(instance, log_entry)


def _relation_changed(sender: Any, instance: Any, action: str, **signal: Any) -> None:
    """Write and log an entry for a many-to-many relation of a registered model.

    django-auditlog's own receiver takes `group.user_set.add(user)` for a change of the group,
    and after a `clear()` says that every object there is was removed.
    """
    model, reverse = signal["model"], signal["reverse"]
    owner: Any = model if reverse else type(instance)
    if action not in _OPERATIONS or auditlog_disabled.get() or not auditlog.contains(owner):
        return
    field = next(each for each in owner._meta.many_to_many if each.remote_field.through is sender)
    others = model._base_manager.using(instance._state.db).filter(pk__in=signal["pk_set"] or ())
    if action == "pre_clear":
        name = field.remote_field.get_accessor_name() if reverse else field.name
        others = getattr(instance, name).using(instance._state.db)
    changed = [(other, [instance]) for other in others] if reverse else [(instance, others)]
    write = LogEntry.objects.log_m2m_changes
    for one, related in changed:
        if entry := write(related, one, _OPERATIONS[action], field.name):
            _log_on_commit(one, entry)


def _log_on_commit(instance: Any, log_entry: Any) -> None:
    """Log an entry when the change is committed, and not at all when it is rolled back."""
    actor = _actor()
    event, owasp = _EVENTS[log_entry.action]
    fields = set(log_entry.changes_dict or ())
    actor_id = log_entry.actor_id or (actor and actor.pk)
    payload = {**identity(instance), "actor_id": actor_id, "ip": log_entry.remote_addr}
    if event == "object_created":
        columns = instance._meta.concrete_fields
        fields &= {f.name for f in columns if f.value_from_object(instance) != f.get_default()}
    if event != "object_deleted":
        payload["fields"] = sorted(fields)
    events = {event: owasp}
    if event == "object_updated" and isinstance(instance, (User, Group)):
        special = {"permissions_changed": "authz_change"} if fields & _RIGHTS else {}
        # Django also hashes a password anew when somebody logs in: then this is None.
        if "password" in fields and getattr(instance, "_password", None) is not None:
            special |= {"password_changed": "authn_password_change"}
        events = special or events
    for name, owasp in events.items():
        log = partial(log_event, name, {**payload, "owasp": owasp}, logger=AUDIT)
        transaction.on_commit(log, using=instance._state.db)
