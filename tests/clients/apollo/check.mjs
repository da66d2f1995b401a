// Apollo Client 4: normalized cache with possibleTypes, a merged connection, typed problems.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { relayStylePagination } from "@apollo/client/utilities";
import { buildSchema, isAbstractType } from "graphql";
import { endpoint, run, seed } from "../shared/checks.mjs";
import { possibleTypes, sdl } from "../shared/possible_types.mjs";

const text = readFileSync(new URL("../shared/operations.graphql", import.meta.url), "utf8");
const document = gql(text);
/** One operation of the file. */
const operation = (name) => ({
  ...document,
  definitions: document.definitions.filter((definition) => definition.name.value === name),
});

let token = null;
const signed = new SetContextLink(({ headers }) => ({ headers: token ? { ...headers, authorization: `Bearer ${token}` } : headers }));
const client = new ApolloClient({
  link: ApolloLink.from([signed, new HttpLink({ uri: endpoint })]),
  cache: new InMemoryCache({
    possibleTypes: possibleTypes(buildSchema(sdl), isAbstractType),
    typePolicies: { Query: { fields: { courses: relayStylePagination(["filter", "orderBy"]) } } },
  }),
});
const mutate = async (name, input) =>
  Object.values((await client.mutate({ mutation: operation(name), variables: { input } })).data)[0];
let version;

await run("apollo", [
  ["a wrong password is a typed problem", async () => {
    const problem = await mutate("LogIn", { email: seed.email, password: "not the password" });
    assert.equal(problem.__typename, "InvalidInputProblem");
    assert.equal(problem.code, "INVALID_CREDENTIALS");
  }],
  ["logs in", async () => {
    const { session } = await mutate("LogIn", { email: seed.email, password: seed.password });
    assert.equal(session.user.role, "TEACHER");
    token = session.accessToken;
  }],
  ["lists courses, two pages merged into one list", async () => {
    const courses = client.watchQuery({ query: operation("CourseList"), variables: { first: 2 } });
    const subscription = courses.subscribe({ error() {} });
    const first = await client.query({ query: operation("CourseList"), variables: { first: 2 } });
    const { pageInfo, totalCount, edges } = first.data.courses;
    assert.equal(totalCount, 3);
    assert.equal(edges.length, 2);
    assert.equal(pageInfo.hasNextPage, true);
    await courses.fetchMore({ variables: { after: pageInfo.endCursor } });
    const all = client.readQuery({ query: operation("CourseList"), variables: { first: 2 } }).courses;
    assert.deepEqual(all.edges.map(({ node }) => node.title), ["Algebra", "Calculus", "Statistics"]);
    assert.equal(all.pageInfo.hasNextPage, false);
    subscription.unsubscribe();
  }],
  ["reads an outline", async () => {
    const { course } = (await client.query({ query: operation("CourseOutline"), variables: { courseId: seed.courseId } })).data;
    assert.deepEqual(course.chapters.map(({ name }) => name), ["Groups", "Rings"]);
    assert.equal(course.chapters[0].theories[0].skills[0].id, seed.skillId);
    assert.equal(course.chapters[0].theories[0].mentions[0].concept.name, "Group");
    version = course.version;
  }],
  ["writes with the version it read; the cache has the answer", async () => {
    const done = await mutate("UpdateCourse", { id: seed.courseId, description: "By Apollo.", expectedVersion: version });
    assert.equal(done.__typename, "UpdateCourseSuccess");
    const cached = client.readFragment({
      id: client.cache.identify({ __typename: "Course", id: seed.courseId }),
      fragment: gql`fragment Cached on Course { version description }`,
    });
    assert.equal(cached.version, done.course.version);
    assert.ok(cached.version > version);
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
    const { node } = (await client.query({
      query: operation("RecordAgain"), variables: { id: seed.chapterIds[1] }, fetchPolicy: "network-only",
    })).data;
    assert.equal(node.__typename, "Chapter");
    assert.equal(node.name, "Rings");
  }],
]);
client.stop();
