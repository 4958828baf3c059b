"""The OpenAPI document: what drf-spectacular does not find by itself.

https://drf-spectacular.readthedocs.io/en/latest/customization.html
"""

from http import HTTPStatus
from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers
from rest_framework.fields import CharField, DecimalField, IntegerField

from observability.problem import MEDIA_TYPE

from .limits import TextField


class ErrorSerializer(serializers.Serializer[Any]):
    """One thing that is wrong; `attr` names the field of the input."""

    code = CharField()
    detail = CharField()
    attr = CharField(allow_null=True)


class ProblemSerializer(serializers.Serializer[Any]):
    """An error's body, by RFC 9457; the log has more under its `request_id`."""

    type = CharField()
    title = CharField()
    status = IntegerField()
    code = CharField()
    request_id = CharField()
    errors = ErrorSerializer(many=True)  # type: ignore[assignment]  # the name of a property, too


class ProblemSchema(AutoSchema):
    """Describes the errors of each operation, and texts and prices as closely as DRF checks them.

    An operation's summary is the first line of its method's docstring.
    """

    def get_summary(self) -> str:
        """Return the operation in a few words."""
        return self.get_description().partition("\n")[0].rstrip(".")

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        problem = self.resolve_serializer(ProblemSerializer, direction).ref
        statuses = [400, 401, 403, 404, 406, 429, 500]
        statuses += [413, 415] if self.method in ("POST", "PUT", "PATCH") else []
        for status in statuses:
            content = {MEDIA_TYPE: {"schema": problem}}
            answer = {"description": HTTPStatus(status).phrase, "content": content}
            bodies.setdefault(str(status), answer)
        return bodies

    def _map_serializer_field(self, field: Any, direction: Any, *args: Any, **kwargs: Any) -> Any:
        mapped: Any = super()._map_serializer_field  # has no types
        schema = mapped(field, direction, *args, **kwargs)
        if direction == "request" and type(field) in (CharField, TextField):
            # No NUL; and something besides spaces, which are cut off.
            blank = "" if field.allow_blank else r"[^\s\u0000]"
            schema["pattern"] = rf"^[^\u0000]*{blank}[^\u0000]*$"
        elif type(field) is DecimalField and "pattern" in schema:
            unit = 10 ** -(field.decimal_places or 0)
            most = 10 ** (field.max_whole_digits or 0) - unit
            least = -most if field.min_value is None else field.min_value
            pattern = schema["pattern"].replace(r"\d{0,", "[0-9]{1,")
            schema["pattern"] = pattern.replace("-?", "") if least >= 0 else pattern
            if direction == "request":
                number = {"type": "number", "minimum": least, "maximum": most, "multipleOf": unit}
                schema = {"anyOf": [schema, number]}
        return schema
