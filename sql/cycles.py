"""Cycles: the shortest way back that a new edge would close."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping


def find_cycle(edges: Iterable[tuple[str, str]], source: str, target: str) -> list[str] | None:
    """Return the shortest cycle that the edge source -> target would close, or None.

    The cycle begins with the source and follows the edges; the source is repeated at its end.
    """
    if source == target:
        return [source, source]
    following: dict[str, list[str]] = {}
    for start, end in edges:
        following.setdefault(start, []).append(end)
    came_from: dict[str, str] = {target: source}
    waiting = deque([target])
    while waiting:
        place = waiting.popleft()
        for neighbour in following.get(place, ()):
            if neighbour == source:
                return _walk_back(came_from, source, place)
            if neighbour not in came_from:
                came_from[neighbour] = place
                waiting.append(neighbour)
    return None


def _walk_back(came_from: Mapping[str, str], source: str, last: str) -> list[str]:
    path = [source, last]
    while path[-1] != source:
        path.append(came_from[path[-1]])
    return list(reversed(path))


def find_any_cycle(edges: Iterable[tuple[str, str]]) -> list[str] | None:
    """Return some cycle among edges, the first node repeated at its end, or None.

    A depth-first walk without recursion: a course of a thousand levels must not meet Python's own limit.
    """
    following: dict[str, list[str]] = {}
    for start, end in edges:
        following.setdefault(start, []).append(end)
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
