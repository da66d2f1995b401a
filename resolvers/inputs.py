"""Input types that come in thousands, built without looking at each field's type again for every value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from strawberry.types.arguments import InputContext
from strawberry.types.base import StrawberryList, StrawberryOptional, StrawberryType, has_object_definition

T = TypeVar("T")


def in_thousands(input_type: type[T]) -> type[T]:
    """Build the values of an input type quickly: graphql-core has checked them against the schema already.

    Its fields hold leaves, lists, or other inputs; none is a `Maybe`.
    """
    definition: Any = input_type.__strawberry_definition__  # type: ignore[attr-defined]
    # (name in the schema, in Python, type where the value has to be converted); known once the schema is.
    plan: list[tuple[str, str, Any]] = []

    def build(type_: type, value: Mapping[str, Any], context: InputContext) -> Any:
        if not plan:
            name_of = context.config.name_converter.from_field
            plan.extend(
                (name_of(field), field.python_name, field.type if _is_converted(field.type) else None)
                for field in definition.fields
            )
        given: dict[str, Any] = {}
        for name, python_name, converted in plan:
            if name in value:
                one = value[name]
                given[python_name] = one if converted is None else context.convert(one, converted, name)
        return type_(**given)

    definition.from_input = build
    return input_type


def _is_converted(type_: StrawberryType | type) -> bool:
    """Return whether graphql-core's value is not the one to keep: inputs become classes, lists are copied."""
    while isinstance(type_, StrawberryOptional):
        type_ = type_.of_type
    return isinstance(type_, StrawberryList) or has_object_definition(type_)
