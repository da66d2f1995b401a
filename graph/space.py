"""Resolve the placeholders of the model's templates: variables by response path, parameters for values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graph.layout import Layout
from graph.plan import CONVERT, Address, Binder, Build, Inputs, Shaper
from graph.selection import Field
from graph.shapes import Argument

_PLACEHOLDER = re.compile(r"([@$])(\w+)")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*\Z")


class UnknownField(LookupError):
    """The graph does not answer this field."""


@dataclass(frozen=True, slots=True)
class Projection:
    """A Cypher expression and what reads its value; the layout is None where another store answers too.

    Without an expression the value is the key of the record around it.
    """

    expression: str
    shape: Shaper
    # Neo4j takes an expression with an aggregate in a subquery for an aggregation of its own: it must stand
    # in a WITH beside the plain variables that it uses.
    aggregates: bool = False
    layout: Layout | None = None


class Space:
    """Resolve the placeholders of one field's templates."""

    def __init__(
        self,
        build: Build,
        bindings: Mapping[str, str],
        path: str,
        address: Address,
        arguments: Mapping[str, Argument] | None = None,
    ) -> None:
        self.build = build
        self.path = path
        self.address = address
        self.arguments = arguments or {}
        self._variables = dict(bindings)
        self._parameters: dict[str, str] = {}

    def render(self, template: str) -> str:
        """Return a template with its variables and parameters in place."""
        return _PLACEHOLDER.sub(
            lambda found: self.variable(found[2]) if found[1] == "@" else self.parameter(found[2]), template
        )

    def variable(self, name: str) -> str:
        """Return the variable (or, for a role, the expression) of a name."""
        if name not in self._variables:
            path = self.path if name == "item" else f"{self.path}_{name}"
            self._variables[name] = self.build.variable(path)
        return self._variables[name]

    def bind(self, name: str, expression: str) -> None:
        """Let a name stand for an expression."""
        self._variables[name] = expression

    def parameter(self, name: str) -> str:
        """Return the parameter that carries an argument of the field."""
        if name not in self._parameters:
            convert = CONVERT[self.arguments[name].convert if name in self.arguments else "plain"]
            self._parameters[name] = self.build.parameter(
                f"{self.path}_{name}", _argument(self.address, name, convert)
            )
        return self._parameters[name]

    def plain_variables(self) -> str:
        """Return the variables that are in scope behind the templates rendered so far."""
        return ", ".join(dict.fromkeys(v for v in self._variables.values() if _IDENTIFIER.match(v)))

    def known(self) -> dict[str, str]:
        """Return all variables so far, by name."""
        return dict(self._variables)

    def give_parameter(self, name: str, parameter: str) -> None:
        """Let `$name` stand for a parameter that is there already."""
        self._parameters[name] = parameter

    def roles(self, roles: Mapping[str, str]) -> dict[str, str]:
        """Return what the roles of a new record stand for."""
        return {role: self.variable(name) for role, name in roles.items()}

    def carried(self, roles: Mapping[str, str], templates: Sequence[str]) -> str:
        """Return the variables that a WITH must name for the roles and templates behind it."""
        names = [*self.roles(roles).values()]
        names += [self.variable(found[2]) for text in templates for found in _PLACEHOLDER.finditer(text)]
        return ", ".join(name for name in dict.fromkeys(names) if _IDENTIFIER.match(name))

    def conditions(self, asked: Field, arguments: Mapping[str, Argument], always: str = "") -> str:
        """Return ` WHERE ...` for the arguments that are given, or nothing."""
        parts = [self.render(always)] if always else []
        parts += [
            self.render(argument.condition)
            for name, argument in arguments.items()
            if argument.condition and asked.arguments.get(name) is not None
        ]
        return f" WHERE {' AND '.join(parts)}" if parts else ""


def _argument(address: Address, name: str, convert: Any) -> Binder:
    def bind(inputs: Inputs) -> Any:
        value = inputs.field_at(address).arguments.get(name)
        return None if value is None else convert(value)

    return bind


def collect(lines: Sequence[str]) -> str:
    """Return a subquery that collects what its last line returns."""
    body = "\n".join(lines).replace("\n", "\n  ")
    return f"COLLECT {{\n  {body}\n}}"


def returned(item: Projection, carried: str, name: str, order: str, limit: str = "") -> list[str]:
    """Return the lines that end a subquery: its value, in order, within the limit."""
    tail = f" {order} {limit}".rstrip()
    if not item.aggregates:
        return [f"RETURN {item.expression}{tail}"]
    return [f"WITH {carried}, {item.expression} AS {name}", f"RETURN {name}{tail}"]
