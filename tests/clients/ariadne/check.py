"""ariadne-codegen's client (pydantic models, every union narrowed by isinstance) and gql."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import generated
from generated import LabTutor
from generated.enums import ConceptRelationType, ProblemCode, Role, SyncState
from generated.input_types import LogInInput, SetConceptRelationInput, UpdateCourseInput
from gql import Client, GraphQLRequest, gql
from gql.transport.httpx import HTTPXTransport

URL = os.environ["LAB_TUTOR_CLIENTS_URL"]
SEED = json.loads(Path(os.environ["LAB_TUTOR_CLIENTS_SEED"]).read_text(encoding="utf-8"))
COURSE = SEED["courseId"]
SCHEMA = (Path(__file__).parents[3] / "schema.graphql").read_text(encoding="utf-8")


class Program:
    """What is known after each step."""

    def __init__(self) -> None:
        self.client = LabTutor(url=URL)
        self.headers: dict[str, str] = {}
        self.version = 0

    def logs_in(self) -> None:
        answer = self.client.log_in(LogInInput(email=SEED["email"], password=SEED["password"])).log_in
        assert isinstance(answer, generated.LogInLogInLogInSuccess), answer
        assert answer.session.user.role is Role.TEACHER
        self.headers = {"authorization": f"Bearer {answer.session.access_token}"}
        self.client = LabTutor(url=URL, headers=self.headers)

    def lists_courses_page_by_page(self) -> None:
        titles: list[str] = []
        after: str | None = None
        pages = 0
        while pages == 0 or after:
            page = self.client.course_list(first=2, after=after).courses
            titles += [edge.node.title for edge in page.edges]
            after = page.page_info.end_cursor if page.page_info.has_next_page else None
            pages += 1
        assert (pages, titles) == (2, ["Algebra", "Calculus", "Statistics"]), (pages, titles)

    def reads_an_outline(self) -> None:
        course = self.client.course_outline(COURSE).course
        assert course is not None
        assert course.chapters is not None
        assert [chapter.name for chapter in course.chapters] == ["Groups", "Rings"]
        theory = course.chapters[0].theories[0]
        assert theory.skills[0].id == SEED["skillId"]
        assert theory.mentions[0].concept.name == "Group"
        self.version = course.version

    def writes_with_the_version_it_read(self) -> None:
        given = UpdateCourseInput(id=COURSE, description="By ariadne-codegen.", expectedVersion=self.version)
        done = self.client.update_course(given).update_course
        assert isinstance(done, generated.UpdateCourseUpdateCourseUpdateCourseSuccess), done
        assert done.course.version > self.version
        assert done.course.title == "Algebra", "a field left out stays as it is"
        assert done.sync.state is SyncState.SYNCED

    def is_told_of_a_stale_version(self) -> None:
        given = UpdateCourseInput(id=COURSE, description="Too late.", expectedVersion=self.version)
        problem = self.client.update_course(given).update_course
        assert isinstance(problem, generated.UpdateCourseUpdateCourseStaleVersionProblem), problem
        assert problem.code is ProblemCode.STALE_VERSION
        assert problem.current_version > self.version

    def is_told_each_value_at_fault(self) -> None:
        problem = self.client.update_course(UpdateCourseInput(id=COURSE, title="")).update_course
        assert isinstance(problem, generated.UpdateCourseUpdateCourseInvalidInputProblem), problem
        assert problem.fields
        assert problem.fields[0].message

    def is_told_the_cycle_as_records(self) -> None:
        target, source = SEED["conceptIds"]
        given = SetConceptRelationInput(
            sourceId=source, targetId=target, type=ConceptRelationType.PREREQUISITE
        )
        problem = self.client.set_concept_relation(given).set_concept_relation
        assert isinstance(problem, generated.SetConceptRelationSetConceptRelationCycleProblem), problem
        assert all(record.typename__ == "Concept" for record in problem.cycle), problem

    def refetches_a_record_by_its_id(self) -> None:
        node = self.client.record_again(SEED["chapterIds"][1]).node
        assert isinstance(node, generated.RecordAgainNodeChapter), node
        assert node.name == "Rings"

    def gql_takes_the_contract_and_refetches_a_record(self) -> None:
        with Client(schema=SCHEMA, transport=HTTPXTransport(url=URL, headers=self.headers)) as session:
            query = gql("query Again($id: ID!) { node(id: $id) { __typename id ... on Skill { name } } }")
            answer = session.execute(GraphQLRequest(query, variable_values={"id": SEED["skillId"]}))
        assert answer["node"] == {"__typename": "Skill", "id": SEED["skillId"], "name": "Check the axioms"}

    def gql_finds_the_contract_in_the_servers_introspection(self) -> None:
        transport = HTTPXTransport(url=URL, headers=self.headers)
        with Client(transport=transport, fetch_schema_from_transport=True) as session:
            served = session.client.schema
            answer = session.execute(gql("{ courses(first: 1) { edges { node { title } } } }"))
        assert served is not None
        assert "UpdateCourseResult" in served.type_map
        assert answer["courses"]["edges"][0]["node"]["title"] == "Algebra"


def main() -> int:
    program = Program()
    failed = 0
    steps: list[Callable[[], None]] = [
        getattr(program, name) for name in vars(Program) if not name.startswith("_")
    ]
    for step in steps:
        name = step.__name__.replace("_", " ")
        try:
            step()
        except Exception as error:
            failed = 1
            print(f"FAIL ariadne: {name}: {type(error).__name__}: {' | '.join(str(error).splitlines()[:6])}")
        else:
            print(f"ok   ariadne: {name}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
