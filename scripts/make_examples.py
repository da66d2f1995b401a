"""Turn openly licensed sources into two course files and a batch of extracted documents: run once.

    python scripts/make_examples.py SOURCE_FOLDER

The results are committed. The folder holds metacademy.json, d2l_toc.json and
extraction_from_metacademy.json. What a course file can not hold (unknown references,
overlong texts) is left out and counted.
"""

from __future__ import annotations

import hashlib
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
                "description": cut("; ".join(goals_of(one)), 1_000),
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


def goals_of(one: dict[str, Any]) -> list[str]:
    """Return the goals of a concept as plain lines, without the marks of bullets and links."""
    lines = [line.strip().lstrip("*# -") for line in (one.get("goals") or "").splitlines()]
    return [text for line in lines if (text := cut(re.sub(r'"([^"]+)":[\w-]+', r"\1", line), 400))]


def skill_name(one: dict[str, Any], concept: str, taken: set[str]) -> str:
    """Return a name of the skill, verb first: the first goal where it reads well, else a plain one."""
    verbs = ("know", "derive", "understand", "compute", "define", "show", "prove", "use", "explain")
    verbs += ("implement", "describe", "apply")
    for goal in [*goals_of(one), f"Explain {concept}", f"Explain {concept} ({one['tag']})"]:
        name = goal.rstrip(".: ").removeprefix("Be able to ")
        name = name[:1].upper() + name[1:]
        verb = name.split(" ", 1)[0].lower()
        if 8 <= len(name) <= NAME and verb in verbs and name_key(name) not in taken:
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


# What the chapters of the book that have no sections let somebody do.
D2L_SKILLS = {
    "chapter_preface": "Describe what the book covers and for whom",
    "chapter_installation": "Set up an environment that runs the book's code",
    "chapter_notation": "Read the notation of the book",
    "chapter_introduction": "Explain what machine learning is about",
}


def d2l(source: dict[str, Any]) -> tuple[dict[str, Any], Counter[str]]:
    """Return the chapters and sections of Dive into Deep Learning as a course."""
    left_out: Counter[str] = Counter()
    chapters: list[dict[str, Any]] = []
    concepts: dict[str, dict[str, Any]] = {}
    skills: list[dict[str, Any]] = []
    labels: dict[str, str] = {}
    asked: dict[str, list[str]] = {}
    names: set[str] = set()
    for chapter in source["chapters"]:
        chapter_name = cut(plain(chapter["title"]), NAME) or chapter["dir"]
        intro = whole_sentences(plain(chapter.get("intro") or ""))
        sections = chapter["sections"] or [
            {"file": f"{chapter['dir']}/index.md", "title": chapter["title"], "label": None, "refs": []}
        ]
        theories = []
        for section in sections:
            key = section["file"].removesuffix(".md")
            name = plain(section["title"])
            if name_key(name) in names:
                name = f"{name} ({chapter_name})"
            name = cut(name, NAME) or key
            names.add(name_key(name))
            if section["label"]:
                labels[section["label"]] = key
            asked[key] = section["refs"]
            summary = f"Section of the chapter “{chapter_name}”." if chapter["sections"] else intro
            concepts[key] = {"key": key, "name": name}
            skill = D2L_SKILLS.get(chapter["dir"]) or cut(f"Explain {name}", NAME)
            skills.append({"key": key, "name": skill, "concepts": [key]})
            theories.append(
                {
                    "key": key,
                    "name": name,
                    "summary": cut(summary, SUMMARY),
                    "skills": [key],
                    "mentions": [{"concept": key, "source_document": section["file"]}],
                    "readings": [
                        {
                            "title": cut(f"Dive into Deep Learning: {name}", TITLE),
                            "url": f"https://d2l.ai/{key}.html",
                            "concepts": [key],
                        }
                    ],
                }
            )
        chapters.append(
            {
                "key": chapter["dir"],
                "name": chapter_name,
                "description": cut(intro, 1_000),
                "theories": theories,
            }
        )
    relations, prerequisites = d2l_edges(concepts, asked, labels, left_out)
    for chapter in chapters:
        keys = [theory["key"] for theory in chapter["theories"]]
        known = {(one["prerequisite"], one["dependent"]) for one in prerequisites}
        prerequisites += [
            {
                "prerequisite": first,
                "dependent": second,
                "reason": "The section before it in the book.",
                "strength": 0.3,
            }
            for first, second in itertools.pairwise(keys)
            if (first, second) not in known
        ]
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


def d2l_edges(
    concepts: dict[str, dict[str, Any]],
    asked: dict[str, list[str]],
    labels: dict[str, str],
    left_out: Counter[str],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return (relations, skill prerequisites): what a section refers back to is used for it."""
    order = {key: place for place, key in enumerate(concepts)}
    relations, prerequisites = [], []
    back: set[tuple[str, str]] = set()
    ahead: list[tuple[str, str]] = []
    for key, refs in asked.items():
        for other in dict.fromkeys(labels.get(ref, "") for ref in refs):
            if not other or other == key:
                left_out["references that lead to no other section"] += 1
            elif order[other] < order[key]:
                back.add((other, key))
                reason = f"“{concepts[key]['name']}” refers back to “{concepts[other]['name']}”."
                relations.append({"source": other, "type": "USED_FOR", "target": key, "reason": reason})
                prerequisites.append(
                    {"prerequisite": other, "dependent": key, "reason": reason, "strength": 0.5}
                )
            else:
                ahead.append((key, other))
    for key, other in ahead:
        if (key, other) in back:
            continue
        reason = f"“{concepts[key]['name']}” points ahead to “{concepts[other]['name']}”."
        relations.append({"source": key, "type": "RELATED_TO", "target": other, "reason": reason})
    return relations, prerequisites


def whole_sentences(text: str) -> str | None:
    """Return a text without the halves of sentences at its ends."""
    if text[:1].islower():
        text = text.partition(". ")[2]
    if not text.endswith((".", "!", "?")):
        text = text[: text.rfind(". ") + 1] or text
    return text or None


def plain(text: str) -> str:
    """Return a text without the marks of its source's Markdown."""
    text = re.sub(r":(?:label|numref|cite[pt]?|eqref|ref|begin_tab|end_tab)[^\s`]*`[^`]*`", "", text)
    text = re.sub(r"\\[a-zA-Z]+\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"[*_`#$]|\\[a-z]+", "", text).replace("---", " – ")
    return " ".join(text.split())


def extraction(documents: list[dict[str, Any]], source: dict[str, Any]) -> dict[str, Any]:
    """Return extracted documents as the variables of ingestExtraction, without the course."""
    by_title = {name_key(one["title"]): one for one in source["concepts"]}
    titles = {tag_key(one["tag"]): one["title"] for one in source["concepts"]}
    made = []
    for document in documents:
        inside = {name_key(one["name"]): one["name"] for one in document["concepts"]}
        edges = [
            (inside[before], inside[name_key(concept["name"])], dependency.get("reason"))
            for concept in document["concepts"]
            for dependency in by_title.get(name_key(concept["name"]), {}).get("dependencies", ())
            if (before := name_key(titles.get(tag_key(dependency["tag"]), ""))) in inside
        ]
        taught = list(dict.fromkeys(name for edge in edges for name in edge[:2]))[:8]
        made.append(
            {
                "filename": document["topic"].replace(" ", "-") + ".txt",
                "sha256": hashlib.sha256(document["_source_text"].encode()).hexdigest(),
                "text": document["_source_text"],
                "chapter": "Mathematics",
                "topic": document["topic"].capitalize(),
                "summary": cut(document["summary"], SUMMARY),
                "keywords": document["keywords"][:10],
                "concepts": [
                    {
                        "name": one["name"],
                        "definition": cut(one["definition"], DEFINITION),
                        "textEvidence": cut(one["text_evidence"], 2_000),
                    }
                    for one in document["concepts"]
                ],
                "skills": [{"name": f"Explain {name}", "concepts": [name]} for name in taught],
                "relations": [
                    {"source": first, "type": "PREREQUISITE", "target": then, "reason": cut(reason, REASON)}
                    for first, then, reason in edges
                ],
                "prerequisites": [
                    {
                        "prerequisite": f"Explain {first}",
                        "dependent": f"Explain {then}",
                        "reason": cut(reason, REASON),
                        "strength": 0.9 if reason else 0.7,
                    }
                    for first, then, reason in edges
                    if first in taught and then in taught
                ],
                "resources": [],
            }
        )
    return {"documents": made}


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
    documents, source = (
        json.loads((folder / origin).read_text(encoding="utf-8"))
        for origin in ("extraction_from_metacademy.json", "metacademy.json")
    )
    made = extraction(documents, source)
    (EXAMPLES / "extraction.json").write_text(
        json.dumps(made, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    print("extraction", [(one["filename"], len(one["relations"])) for one in made["documents"]])


if __name__ == "__main__":
    main()
