"""Turn the two openly licensed sources into course files: run once, the results are committed.

    python scripts/make_examples.py SOURCE_FOLDER

The folder holds metacademy.json and d2l_toc.json. What a course file can not hold (unknown references,
overlong texts) is left out and counted.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from sql import course_file
from sql.keys import name_key

EXAMPLES = Path(__file__).parents[1] / "examples"
NAME, TITLE, REASON, DEFINITION, SUMMARY = 100, 255, 2_000, 4_000, 10_000
THEORIES_IN_A_CHAPTER = 60
USES_OF_A_RESOURCE = 50


def cut(text: str | None, most: int) -> str | None:
    """Return a text in one line's spacing, cut at a word."""
    clean = " ".join((text or "").split())
    if not clean:
        return None
    if len(clean) <= most:
        return clean
    return clean[: most - 1].rsplit(" ", 1)[0] + "…"


def tag_key(tag: str) -> str:
    """Return a tag in one spelling: `-` and `_` count as the same."""
    return tag.replace("-", "_")


def metacademy(source: dict[str, Any]) -> tuple[dict[str, Any], Counter[str]]:
    """Return the machine-learning concepts of Metacademy as a course."""
    left_out: Counter[str] = Counter()
    concepts = {tag_key(one["tag"]): one for one in source["concepts"]}
    before: dict[str, list[tuple[str, str | None]]] = {key: [] for key in concepts}
    for key, one in concepts.items():
        seen = set()
        for dependency in one["dependencies"]:
            other = tag_key(dependency["tag"])
            if other not in concepts:
                left_out["unknown dependencies"] += 1
            elif other in seen or other == key:
                left_out["repeated dependencies"] += 1
            else:
                seen.add(other)
                before[key].append((other, cut(dependency.get("reason"), REASON)))
    depth: dict[str, int] = {}

    def deep(key: str) -> int:
        if key not in depth:
            depth[key] = 0
            depth[key] = 1 + max((deep(other) for other, _ in before[key]), default=-1)
        return depth[key]

    for key in concepts:
        deep(key)
    groups: list[tuple[str, str, list[str]]] = []
    placed: set[str] = set()
    for course in source["courses"].values():
        members = [tag_key(tag) for tag in course["concepts"] if tag_key(tag) in concepts]
        members = [key for key in members if key not in placed]
        placed |= set(members)
        members.sort(key=lambda key: (depth[key], key))
        groups.append((course["title"].capitalize(), "A short course of Metacademy.", members))
    rest = sorted((key for key in concepts if key not in placed), key=lambda key: (depth[key], key))
    for start in range(0, len(rest), THEORIES_IN_A_CHAPTER):
        members = rest[start : start + THEORIES_IN_A_CHAPTER]
        low, high = depth[members[0]], depth[members[-1]]
        number = start // THEORIES_IN_A_CHAPTER + 1
        words = f"Concepts with {low} to {high} layers of prerequisites below them."
        groups.append((f"Machine learning, part {number}", words, members))
    used: Counter[str] = Counter()
    names: set[str] = set()
    skills, chapters, file_concepts = [], [], []
    for key, one in concepts.items():
        name = cut(one["title"], NAME)
        if name is None or name_key(name) in names:
            left_out["concepts without a name of their own"] += 1
            name = cut(f"{one['title']} ({key})", NAME) or key
        names.add(name_key(name))
        file_concepts.append({"key": key, "name": name, "definition": cut(one["summary"], DEFINITION)})
    by_key = {one["key"]: one for one in file_concepts}
    skill_names: set[str] = set()
    for key, one in concepts.items():
        name = skill_name(one, by_key[key]["name"], skill_names)
        skills.append(
            {
                "key": key,
                "name": name,
                "description": cut(one.get("goals"), 1_000),
                "concepts": [key, *(other for other, _ in before[key])][:50],
            }
        )
    for number, (title, words, members) in enumerate(groups):
        theories = []
        for key in members:
            one = concepts[key]
            name = by_key[key]["name"]
            theories.append(
                {
                    "key": key,
                    "name": name,
                    "summary": cut(one["summary"], SUMMARY),
                    "skills": [key],
                    "mentions": [
                        {
                            "concept": key,
                            "definition": cut(one["summary"], DEFINITION),
                            "text_evidence": cut(one["summary"], 500),
                            "source_document": f"{key}.txt",
                        },
                        *(
                            {"concept": other, "definition": reason}
                            for other, reason in before[key][:20]
                            if reason
                        ),
                    ],
                    "readings": readings(one, source["resources"], used, left_out, key),
                }
            )
        chapters.append(
            {"key": f"chapter-{number}", "name": title, "description": words, "theories": theories}
        )
    return {
        "version": 1,
        "course": {
            "title": "Machine learning (Metacademy)",
            "description": "392 concepts of machine learning with their prerequisites and reasons, from Metacademy, "
            "CC BY-SA 3.0.",
            "level": "MASTER",
        },
        "chapters": chapters,
        "concepts": file_concepts,
        "skills": skills,
        "relations": [
            {"source": other, "type": "PREREQUISITE", "target": key, "reason": reason}
            for key in concepts
            for other, reason in before[key]
        ],
        "skill_prerequisites": [
            {"prerequisite": other, "dependent": key, "reason": reason, "strength": 0.9 if reason else 0.7}
            for key in concepts
            for other, reason in before[key][:50]
        ],
    }, left_out


def skill_name(one: dict[str, Any], concept: str, taken: set[str]) -> str:
    """Return a name of the skill, verb first: the first goal where it reads well, else a plain one."""
    goals = [cut(line.lstrip("*# -"), 400) or "" for line in (one.get("goals") or "").splitlines()]
    verbs = (
        "know",
        "be able",
        "derive",
        "understand",
        "compute",
        "define",
        "show",
        "prove",
        "use",
        "explain",
    )
    for goal in [*goals, f"Explain {concept}", f"Explain {concept} ({one['tag']})"]:
        name = goal.rstrip(". ")
        fits = 8 <= len(name) <= NAME and (name.lower().startswith(verbs)) and name_key(name) not in taken
        if fits:
            break
    else:
        name = (cut(f"Explain {concept}", NAME - 12) or "") + f" ({len(taken)})"
    taken.add(name_key(name))
    return name


def readings(
    one: dict[str, Any],
    sources: dict[str, Any],
    used: Counter[str],
    left_out: Counter[str],
    concept: str,
) -> list[dict[str, Any]]:
    """Return the places to read, each address once, none in more theories than a resource may have."""
    found: dict[str, dict[str, Any]] = {}
    for resource in one["resources"]:
        source = sources.get(resource.get("source", ""), {})
        url = resource.get("url") or source.get("url")
        title = resource.get("title") or source.get("title")
        if not url or not title or not re.match(r"https?://[^\s/]+", url) or re.search(r"\s", url):
            left_out["resources without an address"] += 1
            continue
        place = resource.get("location")
        text = place if isinstance(place, str) else place[0] if place else ""
        page = re.search(r"\[#page=(\d+)\]", text or "")
        if page and "#" not in url:
            url = f"{url}#page={page[1]}"
        where = re.sub(r"\s*\[[^\]]*\]", "", text or "")
        if url in found or used[url] >= USES_OF_A_RESOURCE or len(found) >= 20 or len(url) > 2_048:
            left_out["resources named too often"] += 1
            continue
        used[url] += 1
        # The same address keeps its first title: where in it to read belongs to the page anchor.
        label = f"{title}: {where}" if page and where else title
        found[url] = {"title": cut(label, TITLE), "url": url, "concepts": [concept]}
    return list(found.values())


def d2l(source: dict[str, Any]) -> tuple[dict[str, Any], Counter[str]]:
    """Return the chapters and sections of Dive into Deep Learning as a course."""
    left_out: Counter[str] = Counter()
    chapters: list[dict[str, Any]] = []
    concepts: dict[str, dict[str, Any]] = {}
    skills: list[dict[str, Any]] = []
    labels: dict[str, str] = {}
    asked: list[tuple[str, list[str]]] = []
    names: set[str] = set()
    for chapter in source["chapters"]:
        theories = []
        for position, section in enumerate(chapter["sections"]):
            key = f"{chapter['dir']}/{position}"
            title = plain(section["title"])
            name = title
            if name_key(name) in names:
                name = f"{title} ({plain(chapter['title'])})"
            name = cut(name, NAME) or key
            if name_key(name) in names:
                left_out["sections whose title stands twice"] += 1
                continue
            names.add(name_key(name))
            for label in section.get("labels", []) or [section.get("label")]:
                if label:
                    labels[label] = key
            intro = plain(section.get("intro") or "")
            asked.append((key, [str(one) for one in section.get("refs", []) or []]))
            concepts[key] = {"key": key, "name": name, "definition": cut(intro, 1_200)}
            skills.append({"key": key, "name": cut(f"Explain {name}", NAME), "concepts": [key]})
            theories.append(
                {
                    "key": key,
                    "name": name,
                    "summary": cut(intro, 3_000),
                    "skills": [key],
                    "mentions": [
                        {"concept": key, "definition": cut(intro, 600), "source_document": f"{key}.md"}
                    ],
                    "readings": [
                        {
                            "title": f"Dive into Deep Learning: {name}"[:TITLE],
                            "url": f"https://d2l.ai/{chapter['dir']}/#{position}",
                            "concepts": [key],
                        }
                    ],
                }
            )
        if not theories:
            left_out["chapters without sections"] += 1
            continue
        chapters.append(
            {
                "key": chapter["dir"],
                "name": cut(plain(chapter["title"]), NAME),
                "description": cut(plain(chapter.get("intro") or ""), 1_000),
                "theories": theories,
            }
        )
    order = {key: place for place, key in enumerate(concepts)}
    relations, prerequisites = [], []
    for key, refs in asked:
        for other in dict.fromkeys(labels.get(ref, ref) for ref in refs):
            if other not in concepts or other == key:
                left_out["references that lead elsewhere"] += 1
            elif key in concepts and order[other] < order[key]:
                reason = f"“{concepts[key]['name']}” refers back to “{concepts[other]['name']}”."
                relations.append({"source": other, "type": "USED_FOR", "target": key, "reason": reason})
                prerequisites.append(
                    {"prerequisite": other, "dependent": key, "reason": reason, "strength": 0.5}
                )
    for chapter in chapters:
        keys = [theory["key"] for theory in chapter["theories"]]
        for first, second in itertools.pairwise(keys):
            if not any(one["prerequisite"] == first and one["dependent"] == second for one in prerequisites):
                prerequisites.append(
                    {
                        "prerequisite": first,
                        "dependent": second,
                        "reason": "The section before it in the book.",
                        "strength": 0.3,
                    }
                )
    return {
        "version": 1,
        "course": {
            "title": "Dive into Deep Learning",
            "description": "Chapters and sections of the book with their introductions and references, CC BY-SA 4.0.",
            "level": "MASTER",
        },
        "chapters": chapters,
        "concepts": list(concepts.values()),
        "skills": skills,
        "relations": relations,
        "skill_prerequisites": prerequisites,
    }, left_out


def plain(text: str) -> str:
    """Return a text without the marks of its source's Markdown."""
    text = re.sub(r":(?:label|numref|cite[pt]?|eqref|ref|begin_tab|end_tab)[^\s`]*`[^`]*`", "", text)
    text = re.sub(r"[*_`#$]|\\[a-z]+", "", text)
    return " ".join(text.split())


def main() -> None:
    """Write both course files and say what was left out."""
    folder = Path(sys.argv[1])
    for name, convert, origin in (
        ("metacademy", metacademy, "metacademy.json"),
        ("d2l", d2l, "d2l_toc.json"),
    ):
        course, left_out = convert(json.loads((folder / origin).read_text(encoding="utf-8")))
        file, findings = course_file.check(course)
        for finding in findings[:20]:
            print(f"{finding.place}: {finding.message}")
        if file is None:
            sys.exit(1)
        plain_file = file.model_dump(mode="json", exclude_defaults=True) | {"version": 1}
        text = json.dumps(plain_file, ensure_ascii=False, indent=1)
        (EXAMPLES / f"{name}.course.json").write_text(text + "\n", encoding="utf-8")
        parts = ("chapters", "concepts", "skills", "relations", "skill_prerequisites")
        counts = {key: len(course[key]) for key in parts}
        print(name, counts, "left out:", dict(left_out), len(text) // 1_000, "KB")


if __name__ == "__main__":
    main()
