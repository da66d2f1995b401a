"""Hold what the compiler makes: a statement's text, its parameters, and the shaper of its answer.

A Template belongs to a structure (which fields, under which keys, which arguments are given) and is made
once; binding it to the values of one request gives a Plan.
"""

from __future__ import annotations

import re
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from graph.joins import Joins, Table
from graph.layout import UNREADABLE, Layout, Read, Reader
from graph.selection import Field, Selection
from graph.statements import Statement

Key = Any  # int, str, or a tuple of them in the order of the record's natural key
Address = tuple[tuple[str, int], ...]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LONGEST_NAME = 120


@dataclass(slots=True)
class Row:
    """Hold one projected object: its values by response key, and its natural key.

    `course_id` and `student_id` are filled only for records that `compile_lookup` found, for policy.
    """

    typename: str
    values: dict[str, Any]
    key: Key = None
    course_id: int | None = None
    student_id: int | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Say who asks: what a statement must know to decide whose mastery may be seen."""

    viewer_student_id: int | None = None
    is_admin: bool = False
    taught_course_ids: Sequence[int] = ()
    # Of those who are asked about: nobody, nobody who learns, or nobody that the viewer may see.
    hidden_student_ids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Inputs:
    """Hold the values of one request for a template."""

    selection: Selection
    keys: Sequence[Key]
    scope: Scope
    values: Mapping[str, Any] = field(default_factory=dict)
    # Of the row that is being read.
    tables: Sequence[Table] = ()

    def field_at(self, address: Address) -> Field:
        """Return the field at an address: steps of (concrete type, position)."""
        selection: Selection | None = self.selection
        found: Field | None = None
        for typename, index in address:
            if selection is None:
                raise LookupError(address)
            found = selection.by_type[typename][index]
            selection = found.selection
        if found is None:
            raise LookupError(address)
        return found


Binder = Callable[[Inputs], Any]
KeyOf = Callable[[list[Any]], Key]
Shaper = Callable[[Any, Inputs], Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold one statement ready to run, and what turns its rows into the answer."""

    name: str
    text: str
    parameters: dict[str, Any]
    shape: Callable[[list[list[Any]]], Any]
    # For a statement that answers each of `$keys` by rows of its own: the key that a row is about.
    key_of: KeyOf | None = None

    @property
    def statement(self) -> Statement:
        """Return what graph.client runs."""
        return Statement(self.name, self.text, self.parameters)


Gather = Callable[[list[list[Any]], Read, Inputs], Any]


@dataclass(frozen=True, slots=True)
class Template:
    """Hold a statement for every request of one structure.

    `shape` reads the rows into Rows. Where there is a layout, `gather` hands its values to a reader of the
    caller and puts what that makes of them in the place of the Rows, as Shaped.
    """

    name: str
    text: str
    binders: tuple[tuple[str, Binder], ...]
    shape: Callable[[list[list[Any]], Inputs], Any]
    layout: Layout | None = None
    gather: Gather | None = None
    key_of: KeyOf | None = None

    def bind(self, inputs: Inputs, reader: Reader | None = None) -> Plan:
        """Return the plan for the values of one request, read by the caller's reader where it can."""
        parameters = {name: binder(inputs) for name, binder in self.binders}
        read = reader(self.layout) if reader is not None and self.layout is not None else None
        if read is None:
            return Plan(self.name, self.text, parameters, lambda rows: self.shape(rows, inputs), self.key_of)

        def shape(rows: list[list[Any]]) -> Any:
            try:
                return self.gather(rows, read, inputs)  # type: ignore[misc]
            except UNREADABLE:
                # A value breaks its type's rule: who reads the Rows says which one.
                return self.shape(rows, inputs)

        return Plan(self.name, self.text, parameters, shape, self.key_of)


class PlanCache:
    """Keep the templates used last, bounded in number and in characters of text."""

    def __init__(self, most: int = 512, most_characters: int = 8_000_000) -> None:
        self._templates: OrderedDict[Hashable, Template] = OrderedDict()
        self._most = most
        self._most_characters = most_characters
        self._characters = 0

    def get(self, structure: Hashable, make: Callable[[], Template]) -> Template:
        """Return the template of a structure, made when it is not there."""
        template = self._templates.get(structure)
        if template is not None:
            self._templates.move_to_end(structure)
            return template
        template = make()
        self._templates[structure] = template
        self._characters += len(template.text)
        while len(self._templates) > 1 and (
            len(self._templates) > self._most or self._characters > self._most_characters
        ):
            _, dropped = self._templates.popitem(last=False)
            self._characters -= len(dropped.text)
        return template

    def __len__(self) -> int:
        return len(self._templates)


# The value of these decides the text, of all other arguments only whether they are given.
_TEXTUAL = frozenset({"orderBy", "depth"})


class Structure:
    """Hold a structure that is looked up often, with its hash; equal to the bare one."""

    __slots__ = ("_hash", "value")

    def __init__(self, value: Hashable) -> None:
        self.value = value
        self._hash = hash(value)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return bool(self.value == (other.value if isinstance(other, Structure) else other))


def structure_of(selection: Selection | None) -> Hashable:
    """Return what a template depends on: everything of a selection but the values of its arguments."""
    if selection is None:
        return None
    if selection.structure is not None:
        return selection.structure
    return tuple(
        (typename, tuple(_structure_of_field(asked) for asked in fields))
        for typename, fields in selection.by_type.items()
    )


def _structure_of_field(asked: Field) -> Hashable:
    arguments = tuple(
        sorted(
            (name, plain_value(value) if name in _TEXTUAL else "")
            for name, value in asked.arguments.items()
            if value is not None
        )
    )
    return (asked.response_key, asked.name, arguments, structure_of(asked.selection))


class Build:
    """Give out the variables and parameters of one statement; each name is given once."""

    def __init__(self) -> None:
        self.parameters: dict[str, Binder] = {}
        self._taken: set[str] = {"key", "keys"}
        # How many lists are around what is being compiled, and the tables that it may join.
        self.lists = 0
        self.joins: Joins | None = None

    def variable(self, path: str) -> str:
        """Return a variable named after a response path."""
        if not _NAME.match(path):
            # Response keys come from clients: nothing but a GraphQL name may reach the text.
            raise ValueError(f"not a name: {path!r}")
        name = path[:_LONGEST_NAME]
        number = 2
        while name in self._taken:
            name = f"{path[:_LONGEST_NAME]}_{number}"
            number += 1
        self._taken.add(name)
        return name

    def parameter(self, path: str, binder: Binder) -> str:
        """Return `$name` of a new parameter."""
        name = self.variable(path)
        self.parameters[name] = binder
        return f"${name}"

    def shared_parameter(self, name: str, binder: Binder) -> str:
        """Return `$name` of a parameter that the whole statement shares."""
        self.parameters.setdefault(name, binder)
        self._taken.add(name)
        return f"${name}"

    def template(
        self,
        name: str,
        text: str,
        shape: Callable[[list[list[Any]], Inputs], Any],
        layout: Layout | None = None,
        gather: Gather | None = None,
        key_of: KeyOf | None = None,
    ) -> Template:
        """Return the finished template."""
        return Template(name, text, tuple(self.parameters.items()), shape, layout, gather, key_of)


def plain_value(value: Any) -> Any:
    """Return what both drivers take: text for an enumeration, lists of it likewise."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list | tuple):
        return [plain_value(item) for item in value]
    return value


def to_moment(millis: int) -> datetime:
    """Return the moment, aware, in UTC."""
    return _EPOCH + timedelta(milliseconds=millis)


def _iso(moment: datetime) -> str:
    # As text: the embedded engine drops the zone of a datetime parameter.
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def _lower_words(search: str) -> list[str]:
    return search.lower().split()


def _folded_words(search: str) -> list[list[str]]:
    # The first is compared to aliases in lower case, the second to the concept's key, which is folded.
    return [[word.lower(), unicodedata.normalize("NFKC", word).casefold()] for word in search.split()]


CONVERT: Mapping[str, Callable[[Any], Any]] = {
    "plain": plain_value,
    "real": float,
    "iso": _iso,
    "words": _lower_words,
    "folded_words": _folded_words,
    "outgoing": lambda direction: plain_value(direction) == "OUTGOING",
}
