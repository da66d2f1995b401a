"""Production answers no question about the schema itself, and says so once."""

from __future__ import annotations

from typing import Any

from graphql import FieldNode, GraphQLError, ValidationRule

META_FIELDS = ("__schema", "__type")


class NoIntrospection(ValidationRule):
    """A document may not ask for the schema; `__typename` is no such question."""

    told = False

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        """Report the first field that asks for the schema."""
        if not self.told and node.name.value in META_FIELDS:
            self.told = True
            self.report_error(
                GraphQLError("Introspection is off here: the schema is published as schema.graphql.", [node])
            )
