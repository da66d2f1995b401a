// urql 5 with graphcache, which is given the schema and told which types are values.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { cacheExchange } from "@urql/exchange-graphcache";
import { relayPagination } from "@urql/exchange-graphcache/extras";
import { buildSchema, introspectionFromSchema, isObjectType, parse } from "graphql";
import { Client, fetchExchange } from "urql";
import { endpoint, run, seed } from "../shared/checks.mjs";
import { sdl, valueTypes } from "../shared/possible_types.mjs";

const document = parse(readFileSync(new URL("../shared/operations.graphql", import.meta.url), "utf8"), { noLocation: true });
/** One operation of the file. */
const operation = (name) => ({
  ...document,
  definitions: document.definitions.filter((definition) => definition.name.value === name),
});

// Graphcache complains of what it cannot normalize; here a complaint is a failure.
const complaints = [];
console.warn = (...words) => complaints.push(words.join(" "));
console.error = (...words) => complaints.push(words.join(" "));

// urql aborts each request once it has its answer; on a fast machine Node.js then rejects a promise that nobody holds.
process.on("unhandledRejection", (reason) => {
  if (reason?.name !== "AbortError") throw reason;
});

const schema = buildSchema(sdl);
let token = null;
const client = new Client({
  url: endpoint,
  preferGetMethod: false,
  exchanges: [
    cacheExchange({
      schema: introspectionFromSchema(schema, { descriptions: false }),
      keys: Object.fromEntries(valueTypes(schema, isObjectType).map((name) => [name, () => null])),
      resolvers: { Query: { courses: relayPagination() } },
      logger: (severity, message) => severity !== "debug" && complaints.push(message),
    }),
    fetchExchange,
  ],
  fetchOptions: () => ({ headers: token ? { authorization: `Bearer ${token}` } : {} }),
});
const settle = (result) => {
  assert.equal(result.error, undefined, String(result.error));
  return result.data;
};
const query = async (name, variables, context) => settle(await client.query(operation(name), variables, context).toPromise());
const mutate = async (name, input) => Object.values(settle(await client.mutation(operation(name), { input }).toPromise()))[0];
let version;

await run("urql", [
  ["logs in", async () => {
    const { session } = await mutate("LogIn", { email: seed.email, password: seed.password });
    assert.equal(session.user.role, "TEACHER");
    token = session.accessToken;
  }],
  ["lists courses, two pages merged into one list", async () => {
    const first = (await query("CourseList", { first: 2 })).courses;
    assert.equal(first.totalCount, 3);
    assert.equal(first.edges.length, 2);
    assert.equal(first.pageInfo.hasNextPage, true);
    const all = (await query("CourseList", { first: 2, after: first.pageInfo.endCursor })).courses;
    assert.deepEqual(all.edges.map(({ node }) => node.title), ["Algebra", "Calculus", "Statistics"]);
    assert.equal(all.pageInfo.hasNextPage, false);
  }],
  ["reads an outline", async () => {
    const { course } = await query("CourseOutline", { courseId: seed.courseId });
    assert.deepEqual(course.chapters.map(({ name }) => name), ["Groups", "Rings"]);
    assert.equal(course.chapters[0].theories[0].skills[0].id, seed.skillId);
    assert.equal(course.chapters[0].theories[0].mentions[0].concept.name, "Group");
    version = course.version;
  }],
  ["writes with the version it read; the cache has the answer", async () => {
    const done = await mutate("UpdateCourse", { id: seed.courseId, description: "By urql.", expectedVersion: version });
    assert.equal(done.__typename, "UpdateCourseSuccess");
    const { course } = await query("CourseOutline", { courseId: seed.courseId }, { requestPolicy: "cache-only" });
    assert.equal(course.version, done.course.version);
    assert.ok(course.version > version);
  }],
  ["is told of a stale version", async () => {
    const problem = await mutate("UpdateCourse", { id: seed.courseId, description: "Too late.", expectedVersion: version });
    assert.equal(problem.__typename, "StaleVersionProblem");
    assert.equal(problem.code, "STALE_VERSION");
    assert.ok(problem.currentVersion > version);
  }],
  ["is told each value at fault", async () => {
    const problem = await mutate("UpdateCourse", { id: seed.courseId, title: "" });
    assert.equal(problem.__typename, "InvalidInputProblem");
    assert.ok(problem.fields.length > 0 && problem.fields[0].message);
  }],
  ["is told the cycle, as records", async () => {
    const [first, second] = seed.conceptIds;
    const problem = await mutate("SetConceptRelation", { sourceId: second, targetId: first, type: "PREREQUISITE" });
    assert.equal(problem.__typename, "CycleProblem");
    assert.ok(problem.cycle.every(({ __typename, name }) => __typename === "Concept" && name));
  }],
  ["refetches a record by its id", async () => {
    const { node } = await query("RecordAgain", { id: seed.chapterIds[1] }, { requestPolicy: "network-only" });
    assert.equal(node.__typename, "Chapter");
    assert.equal(node.name, "Rings");
  }],
  ["graphcache has nothing to complain of", async () => assert.deepEqual(complaints, [])],
]);
