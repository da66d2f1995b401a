"""Compile the concept map: concepts around one, or the most connected of a course, with edges among them."""

from __future__ import annotations

from typing import Any

import graph.model
import graph.parents
from graph.layout import Layout, Map, Read, Shaped
from graph.plan import Build, Inputs, Row, Shaper, Template, plain_value
from graph.projection import targets
from graph.selection import Field, Selection
from graph.space import Projection, Space, UnknownField, collect

DEFAULT_DEPTH = 2
DEFAULT_LIMIT = 100
# Among at most 500 concepts; far above what a course holds, but a bound.
MOST_RELATIONS = 10_000
_FIELDS = "ConceptGraph"


def make_template(asked: Field) -> Template:
    """Return the template of one structure; depth is one of four texts, and decided by the structure."""
    build = Build()
    arguments = asked.arguments
    fields = (asked.selection or Selection()).fields(_FIELDS)
    concepts, relations = Space(build, {}, "map_concepts", ()), Space(build, {}, "map_relations", ())
    around, typed = arguments.get("centerId") is not None, arguments.get("types") is not None
    for name in ("course", *(["center"] if around else []), *(["types"] if typed else [])):
        concepts.give_parameter(name, build.shared_parameter(name, _value(name)))
        relations.give_parameter(name, build.shared_parameter(name, _value(name)))
    limit = build.shared_parameter("limit", _value("limit"))
    one_more = build.shared_parameter("limit_and_one", lambda inputs: inputs.values["limit"] + 1)

    if around:
        depth = min(4, max(1, int(arguments.get("depth") or DEFAULT_DEPTH)))
        start = graph.parents.MAP_AROUND.replace("<depth>", str(depth))
        start = start.replace("<types>", graph.parents.MAP_AROUND_TYPES if typed else "")
    else:
        start = graph.parents.MAP_COURSE.replace("<types>", graph.parents.MAP_COURSE_TYPES if typed else "")
    order = "ORDER BY " + concepts.render(", ".join(graph.parents.MAP_ORDER))
    item, place = concepts.variable("item"), concepts.variable("place")
    found: dict[str, tuple[int, Shaper]] = {}
    layouts: dict[str, tuple[str, int, Layout | None]] = {}
    projected: list[str] = []
    among: list[str] = []
    lines = [concepts.render(start), f"WITH {item}, {place} {order} LIMIT {one_more}"]
    all_concepts = build.variable("map_all")
    relations.bind("concepts", build.variable("map_among"))
    for index, each in enumerate(fields):
        address = (("Query", 0), (_FIELDS, index))
        path = f"map_{each.response_key}"
        if each.name == "concepts":
            answer = targets(build, ("Concept",), each.selection, {"self": item}, path, address)
            found[each.response_key] = (len(projected), answer.shape)
            layouts[each.response_key] = ("concepts", len(projected), answer.layout)
            projected.append(answer.expression)
        elif each.name == "relations":
            column = len(among)
            answer = _relations(build, relations, each, path, address, typed, among)
            found[each.response_key] = (column, answer.shape)
            layouts[each.response_key] = ("relations", column, answer.layout)
        elif each.name == "truncated":
            layouts[each.response_key] = ("truncated", 0, None)
        else:
            raise UnknownField(f"{_FIELDS}.{each.name}")
    rows = build.variable("map_rows")
    row = f"[{', '.join(projected)}]"
    lines += [
        f"WITH {item}, {place}, {row} AS {rows}_each {order}",
        f"WITH collect({item}) AS {all_concepts}, collect({rows}_each) AS {rows}",
        # Cut here, so that the relations are those among the concepts that are shown.
        f"WITH {all_concepts}[..{limit}] AS {relations.variable('concepts')}, {rows}, "
        f"size({all_concepts}) AS {all_concepts}_size",
        f"WITH {relations.variable('concepts')}, {rows}, {all_concepts}_size, "
        f"[{', '.join(among)}] AS {all_concepts}_relations",
        f"RETURN {rows}[..{limit}] AS concepts, {all_concepts}_size AS size, "
        f"{all_concepts}_relations AS relations",
    ]

    def shape(records: list[list[Any]], inputs: Inputs) -> Row | None:
        concept_rows, size, relation_lists = records[0]
        if around and not size:
            return None  # the centre is not in the graph, or not in this course
        values: dict[str, Any] = {}
        for each in fields:
            if each.name == "truncated":
                values[each.response_key] = size > inputs.values["limit"]
                continue
            column, shape_item = found[each.response_key]
            items = (
                (row[column] for row in concept_rows) if each.name == "concepts" else relation_lists[column]
            )
            values[each.response_key] = [shape_item(each_item, inputs) for each_item in items]
        return Row(_FIELDS, values)

    def gather(records: list[list[Any]], read: Read, inputs: Inputs) -> Shaped | None:
        return None if around and not records[0][1] else Shaped(read(records[0], inputs))

    layout = Map(layouts, lambda inputs: int(inputs.values["limit"]))
    return build.template("read_concept_map", "\n".join(lines), shape, layout, gather)


def _relations(
    build: Build,
    space: Space,
    asked: Field,
    path: str,
    address: tuple[tuple[str, int], ...],
    typed: bool,
    among: list[str],
) -> Projection:
    ends = {role: space.variable(role) for role in graph.model.RELATION}
    answer = targets(build, ("ConceptRelation",), asked.selection, ends, path, address)
    text = graph.parents.MAP_RELATIONS.replace("<types>", graph.parents.MAP_RELATIONS_TYPES if typed else "")
    bound = build.parameter(f"{path}_limit", lambda inputs: MOST_RELATIONS)
    order = space.render(", ".join(graph.parents.MAP_RELATIONS_ORDER))
    among.append(collect([space.render(text), f"RETURN {answer.expression} ORDER BY {order} LIMIT {bound}"]))
    return answer


def map_values(course_id: int, asked: Field) -> dict[str, Any]:
    """Return the values that the map's parameters take from the arguments."""
    given = asked.arguments
    limit = given.get("limit")
    return {
        "course": course_id,
        "center": given.get("centerId"),
        "types": plain_value(given.get("types")),
        "limit": DEFAULT_LIMIT if limit is None else max(0, limit),
    }


def _value(name: str) -> Any:
    return lambda inputs: inputs.values[name]
