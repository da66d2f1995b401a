// graphql-ws and graphql-sse, each with the settings that its own documentation shows.
import assert from "node:assert/strict";
import { createClient as createEvents } from "graphql-sse";
import { createClient as createSocket } from "graphql-ws";
import WebSocket from "ws";
import { endpoint, run, seed } from "../shared/checks.mjs";

const LOG_IN = `mutation($input: LogInInput!) { logIn(input: $input) { ... on LogInSuccess { session { accessToken } } } }`;
const CREATE = `mutation($input: CreateCourseInput!) {
  createCourse(input: $input) { ... on CreateCourseSuccess { course { id } sync { token } } } }`;
const FOLLOW = `subscription($token: ID!) { syncChanged(token: $token) { cursor sync { state } } }`;
const STATES = ["PENDING", "SYNCED"];

let token = null;
const authorization = () => (token ? { authorization: `Bearer ${token}` } : {});
const open = () => {
  const socket = createSocket({
    url: endpoint.replace(/^http/, "ws"),
    webSocketImpl: WebSocket,
    connectionParams: authorization,
    retryAttempts: 0,
  });
  const events = createEvents({ url: endpoint, headers: authorization, retryAttempts: 0 });
  return { socket, events };
};

/** All answers of an operation. */
async function all(client, query, variables) {
  const answers = [];
  for await (const answer of client.iterate({ query, variables })) answers.push(answer);
  return answers;
}

const checks = [];
for (const name of ["socket", "events"]) {
  checks.push([`${name}: log in, write, and follow the write to the graph`, async () => {
    token = null;
    const anonymous = open()[name];
    const [signedIn] = await all(anonymous, LOG_IN, { input: { email: seed.email, password: seed.password } });
    token = signedIn.data.logIn.session.accessToken;
    await anonymous.dispose();
    const client = open()[name];
    const [made] = await all(client, CREATE, { input: { title: `By ${name}` } });
    const events = await all(client, FOLLOW, { token: made.data.createCourse.sync.token });
    assert.ok(events.length > 0);
    const states = events.map((event) => event.data.syncChanged.sync.state);
    assert.ok(states.every((state) => STATES.includes(state)), String(states));
    assert.equal(states.at(-1), "SYNCED");
    await client.dispose();
  }]);
  checks.push([`${name}: a refusal reaches the one who asked`, async () => {
    const client = open()[name];
    let told = null;
    try {
      const [answer] = await all(client, FOLLOW, { token: "nonsense" });
      told = answer.errors;
    } catch (error) {
      told = error;
    }
    assert.match(JSON.stringify(told), /BAD_USER_INPUT/);
    await client.dispose();
  }]);
}
checks.push(["socket: a token that does not hold closes with 4403", async () => {
  token = "a.b.c";
  await assert.rejects(all(open().socket, "{ me { id } }"), (event) => event.code === 4403);
}]);

await run("streams", checks);
