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
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import Group
from django.core.exceptions import FieldDoesNotExist
from django.db import transaction
from django.db.models import Field, Model
from django.db.models.signals import m2m_changed, post_save, pre_delete, pre_save

from .context import client_ip, current_request
from .events import log_event
from .security import AUDIT

LogEntry = get_logentry_model()

_EVENTS = {
    LogEntry.Action.CREATE: "object_created",
    LogEntry.Action.UPDATE: "object_updated",
    LogEntry.Action.DELETE: "object_deleted",
}
# A change of one of these, of a user or a group, changes what somebody may do.
_RIGHTS = {"groups", "user_permissions", "permissions", "is_superuser", "is_staff", "is_active"}


def connect() -> None:
    """Complete django-auditlog's entries, and log them."""
    # Before django-auditlog's own receivers, whose application comes later in INSTALLED_APPS.
    pre_save.connect(_forget_entry, dispatch_uid="audit_forget_entry")
    pre_save.connect(_complete_entry, sender=LogEntry, dispatch_uid="audit_complete_entry")
    post_log.connect(_entry_written, dispatch_uid="audit_entry_written")
    post_save.connect(_saved, dispatch_uid="audit_saved")
    m2m_changed.connect(_relation_changed, dispatch_uid="audit_relation_changed")
    pre_delete.connect(_user_leaves, sender=get_user_model(), dispatch_uid="audit_user_leaves")


def masked(_value: str) -> str:
    """Hide all of a value; django-auditlog's own mask shows the second half."""
    return "********"


def _actor() -> AbstractBaseUser | None:
    """Return the user of the request being served, read only when something has changed.

    A middleware, as django-auditlog has one, is too early: DRF authenticates in the view. And
    it would read the session of every request.
    """
    context = current_request()
    user = getattr(context.request, "user", None) if context else None
    return user if isinstance(user, get_user_model()) and user.is_authenticated else None


def _complete_entry(instance: Any, **_signal: Any) -> None:
    """Complete an entry before it is saved; an actor that was set by hand stays."""
    if context := current_request():
        instance.remote_addr = client_ip(context)
    actor = _actor()
    if actor and instance.actor_id is None and not getattr(actor, "leaves", False):
        instance.actor = actor
        instance.actor_email = getattr(actor, "email", None)


def _user_leaves(instance: Model, **_signal: Any) -> None:
    """Remember a user who deletes their own account: no entry may point at it."""
    actor = _actor()
    if actor and actor.pk == instance.pk:
        actor.leaves = True  # type: ignore[attr-defined]


def _entry_written(instance: Model, log_entry: Any, **_signal: Any) -> None:
    if log_entry and log_entry.action == LogEntry.Action.UPDATE:
        # Written before the object is saved, which may yet fail.
        instance.__dict__["_audit_entry"] = log_entry
    elif log_entry and log_entry.action in _EVENTS:
        _log_on_commit(instance, log_entry)


def _forget_entry(instance: Model, **_signal: Any) -> None:
    """Forget the entry of a save that has failed."""
    instance.__dict__.pop("_audit_entry", None)


def _saved(instance: Model, **_signal: Any) -> None:
    if log_entry := instance.__dict__.pop("_audit_entry", None):
        _log_on_commit(instance, log_entry)


def _relation_changed(
    sender: Any, instance: Model, action: str, reverse: bool, model: Any, pk_set: Any, **_: Any
) -> None:
    """Write and log an entry for a many-to-many relation of a registered model.

    django-auditlog's own receiver takes `group.user_set.add(user)` for a change of the group,
    and after a `clear()` says that every object there is was removed.
    """
    owner = model if reverse else type(instance)
    if auditlog_disabled.get() or not auditlog.contains(owner):
        return
    fields: Any = owner._meta.many_to_many
    field = next(field for field in fields if field.remote_field.through is sender)
    if action == "pre_clear":
        accessor = field.remote_field.get_accessor_name() if reverse else field.name
        cleared = getattr(instance, accessor).values_list("pk", flat=True)
        instance.__dict__["_audit_cleared"] = set(cleared)
    elif action.startswith("post_"):
        pks = instance.__dict__.pop("_audit_cleared") if action == "post_clear" else pk_set
        others = model._base_manager.using(instance._state.db).filter(pk__in=pks)
        changed = [(other, [instance]) for other in others] if reverse else [(instance, others)]
        operation = "add" if action == "post_add" else "delete"
        for one, related in changed:
            if entry := LogEntry.objects.log_m2m_changes(related, one, operation, field.name):
                _log_on_commit(one, entry)


def _log_on_commit(instance: Model, log_entry: Any) -> None:
    """Log an entry when the change is committed, and not at all when it is rolled back."""
    actor, event = _actor(), _EVENTS[log_entry.action]
    fields = sorted(log_entry.changes_dict or ())
    payload = {
        "model": instance._meta.label,
        "pk": log_entry.object_pk if log_entry.object_id is None else log_entry.object_id,
        "actor_id": log_entry.actor_id or (actor.pk if actor else None),
        "ip": log_entry.remote_addr,
    }
    if event == "object_created":
        payload["fields"] = [name for name in fields if _is_given(instance, name)]
    elif event == "object_updated":
        payload["fields"] = fields
        if isinstance(instance, (get_user_model(), Group)) and not _RIGHTS.isdisjoint(fields):
            event = "permissions_changed"
    log = partial(log_event, event, payload, logger=AUDIT)
    transaction.on_commit(log, using=instance._state.db)


def _is_given(instance: Model, name: str) -> bool:
    """Say whether a field of a new object has another value than its default."""
    try:
        field = instance._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return isinstance(field, Field) and field.value_from_object(instance) != field.get_default()
