"""Turn the store's enumerations into GraphQL ones."""

import enum

import strawberry


def describe_enum(cls: type[enum.StrEnum], description: str, values: dict[str, str]) -> None:
    """Register an enumeration of the store with a description for itself and for each value."""
    strawberry.enum(cls, description=description)
    for value in cls.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]
