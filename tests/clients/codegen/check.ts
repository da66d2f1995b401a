// The client preset of graphql-codegen under strict TypeScript: every union is narrowed by __typename, nothing is cast.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import {
  CourseListDocument,
  CourseOutlineDocument,
  LogInDocument,
  RecordAgainDocument,
  SetConceptRelationDocument,
  UpdateCourseDocument,
} from "./generated/graphql.ts";

interface Seed {
  email: string;
  password: string;
  courseId: string;
  chapterIds: [string, string];
  skillId: string;
  conceptIds: [string, string];
}
const endpoint = process.env["LAB_TUTOR_CLIENTS_URL"] ?? "";
const seed: Seed = JSON.parse(readFileSync(process.env["LAB_TUTOR_CLIENTS_SEED"] ?? "", "utf8"));
let token: string | undefined;

async function ask<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query: print(document), variables }),
  });
  const answer: { data: Data; errors?: { message: string }[] } = await response.json();
  if (answer.errors) throw new Error(answer.errors.map(({ message }) => message).join("; "));
  return answer.data;
}

/** Narrows a union to one member, or fails with what it was instead. */
function expect<Union extends { __typename: string }, Name extends Union["__typename"]>(
  given: Union | null | undefined,
  name: Name,
): Extract<Union, { __typename: Name }> {
  const is = (value: Union): value is Extract<Union, { __typename: Name }> => value.__typename === name;
  if (!given || !is(given)) throw new Error(`not ${name} but ${JSON.stringify(given)}`);
  return given;
}

async function check(name: string, body: () => Promise<void>): Promise<void> {
  try {
    await body();
    console.log(`ok   codegen: ${name}`);
  } catch (error) {
    console.log(`FAIL codegen: ${name}: ${String(error).split("\n").slice(0, 6).join(" | ")}`);
    process.exitCode = 1;
  }
}

let version = 0;
const { courseId } = seed;

await check("logs in", async () => {
  const { logIn } = await ask(LogInDocument, { input: { email: seed.email, password: seed.password } });
  const { session } = expect(logIn, "LogInSuccess");
  assert.equal(session.user.role, "TEACHER");
  token = session.accessToken;
});
await check("lists courses, page by page", async () => {
  const titles: string[] = [];
  let after: string | null | undefined = null;
  let pages = 0;
  do {
    const { courses }: { courses: { edges: { node: { title: string } }[]; pageInfo: { hasNextPage: boolean; endCursor?: string | null } } } =
      await ask(CourseListDocument, { first: 2, after });
    titles.push(...courses.edges.map(({ node }) => node.title));
    pages += 1;
    after = courses.pageInfo.hasNextPage ? courses.pageInfo.endCursor : null;
  } while (after);
  assert.equal(pages, 2);
  assert.deepEqual(titles, ["Algebra", "Calculus", "Statistics"]);
});
await check("reads an outline", async () => {
  const { course } = await ask(CourseOutlineDocument, { courseId });
  assert.ok(course?.chapters);
  assert.deepEqual(course.chapters.map(({ name }) => name), ["Groups", "Rings"]);
  const theory = course.chapters[0]?.theories[0];
  assert.equal(theory?.skills[0]?.id, seed.skillId);
  assert.equal(theory?.mentions[0]?.concept.name, "Group");
  version = course.version;
});
await check("writes with the version it read", async () => {
  const { updateCourse } = await ask(UpdateCourseDocument, {
    input: { id: courseId, description: "By codegen.", expectedVersion: version },
  });
  const { course, sync } = expect(updateCourse, "UpdateCourseSuccess");
  assert.ok(course.version > version);
  assert.equal(sync.state, "SYNCED");
});
await check("is told of a stale version", async () => {
  const { updateCourse } = await ask(UpdateCourseDocument, {
    input: { id: courseId, description: "Too late.", expectedVersion: version },
  });
  // @ts-expect-error: before the union is narrowed nobody may read what only one member has.
  assert.ok(updateCourse?.currentVersion);
  const problem = expect(updateCourse, "StaleVersionProblem");
  assert.equal(problem.code, "STALE_VERSION");
  assert.ok(problem.currentVersion > version);
});
await check("is told each value at fault", async () => {
  const { updateCourse } = await ask(UpdateCourseDocument, { input: { id: courseId, title: "" } });
  assert.ok(expect(updateCourse, "InvalidInputProblem").fields[0]?.message);
});
await check("is told the cycle, as records", async () => {
  const [targetId, sourceId] = seed.conceptIds;
  const { setConceptRelation } = await ask(SetConceptRelationDocument, { input: { sourceId, targetId, type: "PREREQUISITE" } });
  for (const record of expect(setConceptRelation, "CycleProblem").cycle) assert.ok(expect(record, "Concept").name);
});
await check("refetches a record by its id", async () => {
  const { node } = await ask(RecordAgainDocument, { id: seed.chapterIds[1] });
  assert.equal(expect(node, "Chapter").name, "Rings");
});
