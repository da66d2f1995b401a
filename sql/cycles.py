"""Cycles: the shortest way back that a new edge would close."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping


def find_path(edges: Mapping[str, Iterable[str]], start: str, end: str) -> list[str] | None:
    """Return the shortest path from start to end, both included; None when there is none.

    Breadth first and without recursion: a course may hold a chain of a thousand skills.
    """
    came_from: dict[str, str | None] = {start: None}
    waiting = deque([start])
    while waiting:
        key = waiting.popleft()
        if key == end:
            path = [key]
            while (before := came_from[path[-1]]) is not None:
                path.append(before)
            return path[::-1]
        for following in edges.get(key, ()):
            if following not in came_from:
                came_from[following] = key
                waiting.append(following)
    return None


def closed_cycle(edges: Mapping[str, Iterable[str]], source: str, target: str) -> list[str] | None:
    """Return the cycle that an edge from source to target would close, the first key repeated at the end."""
    if source == target:
        return [source, source]
    back = find_path(edges, target, source)
    return None if back is None else [source, *back]


def _following(edges: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    following: dict[str, list[str]] = {}
    for start, end in edges:
        following.setdefault(start, []).append(end)
    return following


def find_any_cycle(edges: Iterable[tuple[str, str]]) -> list[str] | None:
    """Return some cycle among edges, the first node repeated at its end, or None.

    A depth-first walk without recursion: a course of a thousand levels must not meet Python's own limit.
    """
    following = _following(edges)
    done: set[str] = set()
    for root in following:
        if root in done:
            continue
        path = [root]
        on_path = {root: 0}
        branches = [iter(following[root])]
        while path:
            neighbour = next(branches[-1], None)
            if neighbour is None:
                branches.pop()
                node = path.pop()
                del on_path[node]
                done.add(node)
            elif neighbour in on_path:
                return [*path[on_path[neighbour] :], neighbour]
            elif neighbour not in done:
                on_path[neighbour] = len(path)
                path.append(neighbour)
                branches.append(iter(following.get(neighbour, ())))
    return None
