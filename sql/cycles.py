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
