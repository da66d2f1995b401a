// relay-compiler and relay-runtime: a connection, a fragment refetched through node, typed problems.
import assert from "node:assert/strict";
import relay from "relay-runtime";
import { endpoint, run, seed } from "../shared/checks.mjs";

const { Environment, Network, RecordSource, Store, commitMutation, createOperationDescriptor, fetchQuery, getSingularSelector } =
  relay;

/** What the babel plugin does: the tag becomes what the compiler wrote for it. */
const graphql = async ([text]) => artifact(/(?:query|mutation|fragment)\s+(\w+)/.exec(text)[1]);
const artifact = async (name) => (await import(`./__generated__/${name}.graphql.js`)).default;

const LogIn = await graphql`
  mutation checkLogInMutation($input: LogInInput!) {
    logIn(input: $input) {
      __typename
      ... on LogInSuccess {
        session {
          accessToken
          user {
            id
            role
          }
        }
      }
      ... on Problem {
        code
        message
      }
    }
  }
`;
const Courses = await graphql`
  fragment check_courses on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 2 }, cursor: { type: "String" })
  @refetchable(queryName: "checkCoursesPageQuery") {
    courses(first: $count, after: $cursor) @connection(key: "check_courses") {
      totalCount
      edges {
        node {
          id
          title
          teacher {
            firstName
          }
        }
      }
    }
  }
`;
const CourseList = await graphql`
  query checkCourseListQuery {
    ...check_courses
  }
`;
const Outline = await graphql`
  fragment check_outline on Course @refetchable(queryName: "checkOutlineRefetchQuery") {
    title
    description
    version
    chapters {
      id
      name
      theories {
        id
        name
        skills {
          id
          name
        }
        mentions {
          concept {
            name
          }
        }
      }
    }
  }
`;
const CourseOutline = await graphql`
  query checkCourseOutlineQuery($courseId: ID!) {
    course(id: $courseId) {
      id
      ...check_outline
    }
  }
`;
const UpdateCourse = await graphql`
  mutation checkUpdateCourseMutation($input: UpdateCourseInput!) {
    updateCourse(input: $input) {
      __typename
      ... on UpdateCourseSuccess {
        course {
          description
          version
        }
      }
      ... on Success {
        sync {
          state
        }
      }
      ... on Problem {
        code
        message
        path
      }
      ... on InvalidInputProblem {
        fields {
          path
          message
        }
      }
      ... on StaleVersionProblem {
        currentVersion
      }
    }
  }
`;
const SetConceptRelation = await graphql`
  mutation checkSetConceptRelationMutation($input: SetConceptRelationInput!) {
    setConceptRelation(input: $input) {
      __typename
      ... on Problem {
        code
        message
      }
      ... on CycleProblem {
        cycle {
          __typename
          id
          ... on Concept {
            name
          }
        }
      }
    }
  }
`;
const RecordAgain = await graphql`
  query checkRecordAgainQuery($id: ID!) {
    node(id: $id) {
      __typename
      id
      ... on Chapter {
        name
      }
    }
  }
`;

let token = null;
const environment = new Environment({
  network: Network.create(async (request, variables) => {
    const response = await fetch(endpoint, {
      method: "POST",
      headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ query: request.text, variables }),
    });
    return response.json();
  }),
  store: new Store(new RecordSource()),
});
const query = (document, variables) =>
  fetchQuery(environment, document, variables, { fetchPolicy: "network-only" }).toPromise();
const mutate = (mutation, input) =>
  new Promise((resolve, reject) => {
    commitMutation(environment, {
      mutation,
      variables: { input },
      onCompleted: (data, errors) => (errors ? reject(new Error(errors[0].message)) : resolve(Object.values(data)[0])),
      onError: reject,
    });
  });
/** What a fragment reads from the store. */
const read = (fragment, owner) => environment.lookup(getSingularSelector(fragment, owner)).data;
let version;
let outlineOwner;

await run("relay", [
  ["logs in", async () => {
    const { session } = await mutate(LogIn, { email: seed.email, password: seed.password });
    assert.equal(session.user.role, "TEACHER");
    token = session.accessToken;
  }],
  ["lists courses, two pages merged into one connection", async () => {
    const operation = createOperationDescriptor(CourseList, {});
    environment.retain(operation);
    const owner = await query(CourseList, {});
    const first = read(Courses, owner).courses;
    assert.equal(first.totalCount, 3);
    assert.equal(first.edges.length, 2);
    assert.equal(first.pageInfo.hasNextPage, true);
    await query(await artifact("checkCoursesPageQuery"), { count: 2, cursor: first.pageInfo.endCursor });
    const all = read(Courses, environment.lookup(operation.fragment).data).courses;
    assert.deepEqual(all.edges.map(({ node }) => node.title), ["Algebra", "Calculus", "Statistics"]);
    assert.equal(all.pageInfo.hasNextPage, false);
  }],
  ["reads an outline", async () => {
    environment.retain(createOperationDescriptor(CourseOutline, { courseId: seed.courseId }));
    outlineOwner = (await query(CourseOutline, { courseId: seed.courseId })).course;
    const outline = read(Outline, outlineOwner);
    assert.deepEqual(outline.chapters.map(({ name }) => name), ["Groups", "Rings"]);
    assert.equal(outline.chapters[0].theories[0].skills[0].id, seed.skillId);
    assert.equal(outline.chapters[0].theories[0].mentions[0].concept.name, "Group");
    version = outline.version;
  }],
  ["writes with the version it read; the store has the answer", async () => {
    const done = await mutate(UpdateCourse, { id: seed.courseId, description: "By Relay.", expectedVersion: version });
    assert.equal(done.__typename, "UpdateCourseSuccess");
    assert.equal(read(Outline, outlineOwner).version, done.course.version);
    assert.ok(done.course.version > version);
  }],
  ["is told of a stale version", async () => {
    const problem = await mutate(UpdateCourse, { id: seed.courseId, description: "Too late.", expectedVersion: version });
    assert.equal(problem.__typename, "StaleVersionProblem");
    assert.equal(problem.code, "STALE_VERSION");
    assert.ok(problem.currentVersion > version);
  }],
  ["is told each value at fault", async () => {
    const problem = await mutate(UpdateCourse, { id: seed.courseId, title: "" });
    assert.equal(problem.__typename, "InvalidInputProblem");
    assert.ok(problem.fields.length > 0 && problem.fields[0].message);
  }],
  ["is told the cycle, as records", async () => {
    const [first, second] = seed.conceptIds;
    const problem = await mutate(SetConceptRelation, { sourceId: second, targetId: first, type: "PREREQUISITE" });
    assert.equal(problem.__typename, "CycleProblem");
    assert.ok(problem.cycle.every(({ __typename, name }) => __typename === "Concept" && name));
  }],
  ["refetches a fragment through node", async () => {
    const refetch = await artifact("checkOutlineRefetchQuery");
    assert.match(refetch.params.text, /\bnode\(id: \$id\)/);
    const { node } = await query(refetch, { id: seed.courseId });
    assert.equal(read(Outline, node).description, "By Relay.");
  }],
  ["refetches a record by its id", async () => {
    const { node } = await query(RecordAgain, { id: seed.chapterIds[1] });
    assert.equal(node.__typename, "Chapter");
    assert.equal(node.name, "Rings");
  }],
]);
