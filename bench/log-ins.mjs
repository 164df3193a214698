// 10,000 wrong passwords by aliases, by sockets and from many addresses: how many were checked, what they cost, and whether the owner
// gets in meanwhile; before that, how long a refusal takes for known and for unknown addresses. Run by `make bench-log-ins`.

import { performance } from "node:perf_hooks";

import { createClient } from "graphql-ws";
import { WebSocket } from "ws";

import { startServer } from "../tests/clients/server.js";
import { cpuOf, median } from "./measure.mjs";

const TRIES = Number(process.env.TRIES ?? 10_000);
const AT_ONCE = 50;
const SOCKETS = 100;
const TIMED = 300;
const PASSWORD = "a long pass phrase";
/** Where the owner has signed in before. */
const HOME = "192.0.2.7";
const LOG_IN = "mutation ($input: LogInInput!) { logIn(input: $input) { session { accessToken } userErrors { code } } }";

const server = await startServer({
  token: false,
  program: process.env.DARKROOM,
  settings: { TRUSTED_PROXIES: "127.0.0.1,::1", ADMIN_PASSWORD: PASSWORD },
});

/** The n-th of 16 million addresses. */
const address = (n) => `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;

async function post(query, variables, from, token) {
  const headers = { "Content-Type": "application/json", "X-Forwarded-For": from, ...(token && { Authorization: `Bearer ${token}` }) };
  const answer = await fetch(server.graphql, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  return answer.json();
}

/** What became of a log-in. */
function outcome({ data, errors }) {
  if (data?.logIn?.session) return "signed in";
  return data?.logIn?.userErrors?.[0]?.code ?? errors?.[0]?.extensions?.code;
}

const logIn = async (email, password, from) => outcome(await post(LOG_IN, { input: { email, password } }, from));

async function createUsers(emails) {
  const create = "mutation ($input: CreateUserInput!) { createUser(input: $input) { userErrors { message } } }";
  const token = server.tokenOf("admin@localhost");
  for (const email of emails) {
    const { data, errors } = await post(create, { input: { email, password: PASSWORD } }, HOME, token);
    if (errors || data.createUser.userErrors.length > 0) throw new Error(JSON.stringify({ errors, data }));
  }
}

/** Refusals of known and of unknown addresses in turn, each from an address of its own. */
async function timeRefusals() {
  const times = { known: [], unknown: [] };
  for (let at = 0; at < TIMED; at++) {
    for (const [turn, which] of Object.keys(times).entries()) {
      const began = performance.now();
      const became = await logIn(`${which}${at % 40}@example.com`, `wrong ${at}`, address(2 * at + turn));
      if (became !== "INVALID_CREDENTIALS") throw new Error(became);
      times[which].push(performance.now() - began);
    }
  }
  for (const [which, all] of Object.entries(times)) {
    const at = (share) => all.toSorted((a, b) => a - b)[Math.floor(all.length * share)].toFixed(1);
    console.log(`a refusal, ${which} address: ${median(all).toFixed(1)} ms, ${at(0.1)} to ${at(0.9)} (10th to 90th percentile of ${TIMED})`);
  }
}

/** Fifty to a request. */
async function byAliases(email, half) {
  const outcomes = [];
  for (let at = 0; at < TRIES; at += AT_ONCE) {
    const aliases = Array.from({ length: AT_ONCE }, (_, nth) => `a${nth}`);
    const one = (alias) => `${alias}: logIn(input: { email: "${email}", password: "wrong ${at}" }) { session { accessToken } userErrors { code } }`;
    const { data, errors } = await post(`mutation { ${aliases.map(one).join(" ")} }`, {}, address(200_000));
    for (const alias of aliases) {
      const error = errors?.find(({ path }) => !path || path[0] === alias);
      outcomes.push(outcome({ data: { logIn: data?.[alias] }, errors: error && [error] }));
    }
    if (at >= TRIES / 2) half();
  }
  return outcomes;
}

/** A hundred sockets of one address at once, one try after the other on each. */
async function bySockets(email, half) {
  class FromElsewhere extends WebSocket {
    constructor(url, protocol) {
      super(url, protocol, { headers: { "X-Forwarded-For": address(300_000) } });
    }
  }
  const each = TRIES / SOCKETS;
  const one = async () => {
    const client = createClient({ url: server.socket, webSocketImpl: FromElsewhere, retryAttempts: 0 });
    const outcomes = [];
    for (let at = 0; at < each; at++) {
      if (at === Math.floor(each / 2)) half();
      const payload = { query: LOG_IN, variables: { input: { email, password: `wrong ${at}` } } };
      const answered = new Promise((resolve) => {
        let became;
        const error = (why) => resolve(Array.isArray(why) ? why[0].extensions?.code : `closed by ${why.code}`);
        client.subscribe(payload, { next: (answer) => (became = outcome(answer)), error, complete: () => resolve(became) });
      });
      outcomes.push(await answered);
    }
    await client.dispose();
    return outcomes;
  };
  return (await Promise.all(Array.from({ length: SOCKETS }, one))).flat();
}

/** Each from an address of its own, fifty at once. */
async function byAddresses(email, half) {
  const outcomes = [];
  for (let at = 0; at < TRIES; at += AT_ONCE) {
    const tries = Array.from({ length: AT_ONCE }, (_, nth) => logIn(email, "wrong", address(400_000 + at + nth)));
    outcomes.push(...(await Promise.all(tries)));
    if (at >= TRIES / 2) half();
  }
  return outcomes;
}

/** The owner has been here before, and signs in again once half of the tries are over. */
async function attack(name, email, tries) {
  await logIn(email, PASSWORD, HOME);
  let owner;
  const ownerSignsIn = async () => {
    const began = performance.now();
    return `${await logIn(email, PASSWORD, HOME)} after ${(performance.now() - began).toFixed(0)} ms`;
  };
  const [began, cpu] = [performance.now(), cpuOf(server.pid)];
  const outcomes = await tries(email, () => (owner ??= ownerSignsIn()));
  const counts = {};
  for (const each of outcomes) counts[each] = (counts[each] ?? 0) + 1;
  const told = Object.entries(counts).map(([each, count]) => `${count} ${each}`).join(", ");
  const seconds = (performance.now() - began) / 1000;
  console.log(`${name}: ${told}; ${seconds.toFixed(1)} s, ${((cpuOf(server.pid) - cpu) / 1000).toFixed(1)} s of CPU; the owner meanwhile: ${await owner}`);
}

try {
  const known = Array.from({ length: 40 }, (_, at) => `known${at}@example.com`);
  await createUsers(["aliases@example.com", "sockets@example.com", "addresses@example.com", ...known]);
  await timeRefusals();
  await attack("by aliases", "aliases@example.com", byAliases);
  await attack(`by ${SOCKETS} sockets`, "sockets@example.com", bySockets);
  await attack("from as many addresses", "addresses@example.com", byAddresses);
} finally {
  await server.stop();
}
