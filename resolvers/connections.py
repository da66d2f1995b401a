"""Pages of SQL rows in the shape of GraphQL connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from resolvers import arguments
from resolvers.problems import BadArgument
from resolvers.unset import given
from sql import pages


@dataclass(frozen=True, slots=True)
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True, slots=True)
class Edge:
    cursor: str
    node: Any


@dataclass(frozen=True, slots=True)
class Connection:
    edges: list[Edge]
    nodes: list[Any]
    page_info: PageInfo
    total_count: int | None


def page(field: str, first: Any, after: Any, last: Any, before: Any) -> pages.Page:
    """Return a checked page; raise BadArgument naming the bound."""
    values = {
        name: given(value)
        for name, value in {"first": first, "after": after, "last": last, "before": before}.items()
    }
    arguments.check_page(field, values)
    return pages.Page(
        first=values.get("first"),
        after=values.get("after"),
        last=values.get("last"),
        before=values.get("before"),
    )


def search(field: str, value: Any) -> str | None:
    """Return checked search words; raise BadArgument when they are too long."""
    text: str | None = given(value)
    if text is not None and len(text) > arguments.SEARCH_LENGTH:
        raise BadArgument(
            "search",
            f"{field}: search must have at most {arguments.SEARCH_LENGTH} characters, not {len(text)}.",
        )
    return text


def connection(slice_: pages.Slice) -> Connection:
    """Return the connection of a slice of rows."""
    edges = [Edge(cursor, row) for cursor, row in zip(slice_.cursors, slice_.rows, strict=True)]
    return Connection(
        edges=edges,
        nodes=list(slice_.rows),
        page_info=PageInfo(
            has_next_page=slice_.has_next,
            has_previous_page=slice_.has_previous,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
        total_count=slice_.total_count,
    )
