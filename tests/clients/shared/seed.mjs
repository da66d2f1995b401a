// Fills an empty API over HTTP: a teacher, three courses, and one course with a chapter, a theory, a skill and two concepts.
import { writeFileSync } from "node:fs";

const [url, file] = process.argv.slice(2);
const account = { email: "tea.cher@example.org", password: "correct horse battery" };
let token = null;

async function mutate(name, input, selection) {
  const title = name[0].toUpperCase() + name.slice(1);
  const query = `mutation($input: ${title}Input!) { ${name}(input: $input) {
    __typename ... on ${title}Success { ${selection} } ... on Problem { code message path } } }`;
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables: { input } }),
  });
  const payload = (await response.json()).data?.[name];
  if (payload?.__typename !== `${title}Success`) throw new Error(`${name}: ${response.status} ${JSON.stringify(payload)}`);
  return payload;
}

const { session } = await mutate(
  "register",
  { ...account, firstName: "Tea", lastName: "Cher", role: "TEACHER" },
  "session { accessToken }",
);
token = session.accessToken;

const courseIds = [];
for (const title of ["Algebra", "Calculus", "Statistics"]) {
  courseIds.push((await mutate("createCourse", { title, description: `All of ${title}.` }, "course { id }")).course.id);
}
const courseId = courseIds[0];
const chapterIds = [];
for (const name of ["Groups", "Rings"]) {
  chapterIds.push((await mutate("createChapter", { courseId, name }, "chapter { id }")).chapter.id);
}
const { theory } = await mutate("createTheory", { chapterId: chapterIds[0], name: "Axioms" }, "theory { id }");
const conceptIds = [];
for (const name of ["Group", "Ring"]) {
  conceptIds.push((await mutate("createConcept", { courseId, name }, "concept { id }")).concept.id);
}
const { skill } = await mutate(
  "createSkill",
  { courseId, name: "Check the axioms", theoryIds: [theory.id], conceptIds: [conceptIds[0]] },
  "skill { id }",
);
await mutate(
  "setConceptMention",
  { conceptId: conceptIds[0], theoryId: theory.id, definition: "A set with an operation." },
  "sync { state }",
);
const { sync } = await mutate(
  "setConceptRelation",
  { sourceId: conceptIds[0], targetId: conceptIds[1], type: "PREREQUISITE" },
  "sync { token }",
);
// What the clients read comes from the graph: wait until it has the last write.
for (let left = 10; ; left -= 1) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: "query($token: ID!) { sync(token: $token, waitMs: 5000) { state } }", variables: { token: sync.token } }),
  });
  const state = (await response.json()).data.sync.state;
  if (state === "SYNCED") break;
  if (state !== "PENDING" || left === 0) throw new Error(`the graph does not follow: ${state}`);
}
writeFileSync(file, JSON.stringify({ ...account, courseId, chapterIds, theoryId: theory.id, skillId: skill.id, conceptIds }));
