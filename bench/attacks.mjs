// What attackers take from a server, and what somebody peaceful feels meanwhile. Run by `make bench-attacks`; with BEFORE=program
// it is done to that one first. Bounded in count and time, against a server of its own on the loopback.

import { execFileSync } from "node:child_process";
import { createConnection } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { deflateSync, crc32 } from "node:zlib";

import { COMPLETE, send, startServer, ticketFor } from "../tests/clients/server.js";
import { median, memoryOf, memoryOfFamily } from "./measure.mjs";

// As dear as one operation may be, before and now.
const SEARCHES = `{ ${Array.from({ length: 19 }, (_, at) => `a${at}: images(first: 1, filter: {search: "${"aeiourstnlmhdgpcbkf"[at]}"}) { totalCount }`).join(" ")} }`;
const round = (number) => Math.round(number);

/** One request, whatever comes of it: its status or what went wrong, its milliseconds, its bytes. */
async function ask(server, query, { token = server.token, variables } = {}) {
  const began = performance.now();
  try {
    const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
    const answer = await fetch(server.graphql, { method: "POST", headers, body: JSON.stringify({ query, variables }), signal: AbortSignal.timeout(60_000) });
    const body = await answer.text();
    return { status: answer.status, ms: performance.now() - began, bytes: body.length, body };
  } catch (error) {
    return { status: error.cause?.code ?? error.name, ms: performance.now() - began, bytes: 0, body: "" };
  }
}

const isAlive = async (server) => (await ask(server, "{ __typename }")).status === 200;
const tokenOf = (server, email) =>
  execFileSync(process.env.DARKROOM, ["token", email], { env: { ...process.env, DATA_DIR: server.folder } }).toString().trim();

const seed = (server, images, owner) =>
  execFileSync(process.env.DARKROOM, ["seed", "--images", String(images), "--owner", owner], {
    env: { ...process.env, DATA_DIR: server.folder, RUST_LOG: "error" },
    stdio: "ignore",
  });

/** Documents of a few kilobytes: the process after them, and what they took. */
async function documents(server) {
  const brackets = `{a(b:["""x"${"[".repeat(2000)}${"]".repeat(2000)}])}`;
  const quotes = `{a(b:["""x"${'"\\"""""z" '.repeat(6600)}`;
  const interfaces = "possibleTypes { interfaces { ".repeat(14) + "name" + " } }".repeat(14);
  const introspection = `{ __type(name: "Node") { ${interfaces} } }`;
  const aliases = `{ images(first: 95) { nodes { ${Array.from({ length: 49 }, (_, at) => `a${at}: description`).join(" ")} } } }`;
  const { images } = await send(server, "{ images(first: 95) { nodes { id } } }");
  const update = "mutation($input: UpdateImageInput!) { updateImage(input: $input) { userErrors { code } } }";
  for (const { id } of images.nodes) await send(server, update, { input: { imageId: id, description: "글".repeat(5000) } });
  const rows = [];
  for (const [what, query] of [["quotes without an end, 60 KB", quotes], ["introspection, 0.5 KB", introspection], ["a long text by 49 aliases, 1 KB", aliases], ["brackets in a block string, 4 KB", brackets]]) {
    const { status, ms, bytes } = await ask(server, query);
    const alive = await isAlive(server);
    const peak = alive ? `${round(memoryOf(server.pid, "VmHWM"))} MiB at its peak` : "the process is gone";
    rows.push(`${what}: ${status} after ${round(ms)} ms, ${round(bytes / 1024)} KiB; ${peak}`);
    if (!alive) break;
  }
  return rows;
}

/** Thirty connections of one user's dearest queries, and another user beside them. */
async function searches(server) {
  const other = tokenOf(server, "ben@example.com");
  let stop = false;
  const answers = {};
  const attack = Array.from({ length: 30 }, async () => {
    while (!stop) {
      const { status } = await ask(server, SEARCHES);
      answers[status] = (answers[status] ?? 0) + 1;
      if (status === 429) await sleep(20);
    }
  });
  await sleep(2000);
  const { categories } = await send({ ...server, token: other }, "{ categories { id } }").catch(() => ({ categories: [{}] }));
  const input = { filename: "a.jpg", contentType: "image/jpeg", fileSize: 1000, categoryId: categories[0].id };
  const ticket = "mutation($input: RequestUploadInput!) { requestUpload(input: $input) { upload { url } userErrors { code } } }";
  const [me, tickets, failures] = [[], [], []];
  const until = performance.now() + 15_000;
  while (performance.now() < until) {
    for (const [times, query, variables] of [[me, "{ me { id } }"], [tickets, ticket, { input }]]) {
      const { status, ms, body } = await ask(server, query, { token: other, variables });
      times.push(ms);
      if (status !== 200 || body.includes('"errors"') || body.includes('"upload":null')) failures.push(`${status} ${body.slice(0, 80)}`);
    }
    await sleep(30);
  }
  stop = true;
  await Promise.all(attack);
  const told = (times) => `${round(median(times))} ms in the median of ${times.length}, ${round(Math.max(...times))} at most`;
  return [`another's me: ${told(me)}`, `another's tickets: ${told(tickets)}; ${failures.length} failures${failures[0] ? ` (${failures[0]})` : ""}`, `the thirty were answered ${JSON.stringify(answers)}`];
}

/** A PNG of one colour: few bytes, many pixels. */
function bomb(width, height) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const rows = deflateSync(Buffer.alloc(height * (1 + width * 3)), { level: 1 });
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", head), chunk("IDAT", rows), chunk("IEND", Buffer.alloc(0))]);
}

async function upload(server, bytes, name, type) {
  const { imageId, post } = await ticketFor(server, bytes, name, type);
  await post();
  await send(server, COMPLETE, { input: { imageId } });
  return imageId;
}

/** Forty images of fifty megapixels of one user, and then another's small photo. */
async function bombs(server) {
  const picture = bomb(7000, 7100);
  const small = bomb(300, 200);
  const other = { ...server, token: tokenOf(server, "ben@example.com") };
  const times = [];
  for (let sent = 0; sent < 40; sent++) await upload(server, picture, "bomb.png", "image/png");
  await sleep(2000);
  for (let sent = 0; sent < 5; sent++) {
    const began = performance.now();
    const imageId = await upload(other, small, "small.png", "image/png");
    for (;;) {
      const { image } = await send(other, `{ image(id: "${imageId}") { status } }`);
      if (image.status === "COMPLETED" || performance.now() - began > 150_000) break;
      await sleep(20);
    }
    times.push(performance.now() - began);
    if (times.at(-1) > 20_000) break;
  }
  const { images } = await send(server, "{ images(filter: {status: [PROCESSING]}) { totalCount } }");
  return [`another's small photo: COMPLETED after ${times.map((ms) => (ms / 1000).toFixed(1)).join(", ")} s, with ${images.totalCount} images of the first still waiting; ${round(memoryOfFamily(server.pid))} MiB in all processes`];
}

const connect = (server, localAddress = "127.0.0.1") =>
  new Promise((resolve) => {
    const { port } = new URL(server.url);
    const socket = createConnection({ port: Number(port), host: "127.0.0.1", localAddress });
    socket.isOpen = true;
    socket.on("connect", () => resolve(socket));
    socket.on("error", () => resolve(socket));
    socket.on("close", () => (socket.isOpen = false));
    socket.resume();
  });

/** A thousand bodies of nearly a megabyte that never end. */
async function bodies(server) {
  const before = memoryOf(server.pid);
  const head = "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1048576\r\n\r\n";
  const part = Buffer.alloc(1_000_000, " ");
  const sockets = [];
  for (let at = 0; at < 1000; at++) {
    const socket = await connect(server);
    socket.write(head);
    socket.write(part);
    sockets.push(socket);
  }
  await sleep(5000);
  const held = memoryOf(server.pid) - before;
  const { status, ms } = await ask(server, "{ me { id } }");
  await sleep(60_000);
  const left = sockets.filter((socket) => socket.isOpen).length;
  sockets.forEach((socket) => socket.destroy());
  return [`1,000 unfinished bodies hold ${round(held)} MiB; me by somebody signed in: ${status} after ${round(ms)} ms; ${left} of them are left after a minute`];
}

/** Three thousand connections that say nothing, and a log-in. */
async function idle(server) {
  const sockets = [];
  // From three addresses: one may have two thousand.
  for (let at = 0; at < 3000; at++) sockets.push(await connect(server, `127.0.0.${2 + (at % 3)}`));
  const query = "mutation($input: LogInInput!) { logIn(input: $input) { session { accessToken } userErrors { code } } }";
  const variables = { input: { email: "admin@localhost", password: "a password for benches" } };
  const { status, ms, body } = await ask(server, query, { token: "", variables });
  const held = sockets.filter((socket) => socket.isOpen).length;
  sockets.forEach((socket) => socket.destroy());
  return [`a log-in beside ${held} idle connections: ${status} after ${round(ms)} ms${body.includes("accessToken") ? "" : ` ${body.slice(0, 100)}`}`];
}

/** Two hundred clients of ten users that ask for a long answer and never read it. */
async function unread(server) {
  const emails = Array.from({ length: 10 }, (_, at) => `u${at}@example.com`);
  for (const email of emails) seed(server, 100, email);
  const tokens = emails.map((email) => tokenOf(server, email));
  const query = `{ images(first: 100) { nodes { id title srcSet url variants { url } } } }`;
  const body = JSON.stringify({ query });
  const before = memoryOf(server.pid);
  const sockets = [];
  for (let at = 0; at < 200; at++) {
    const socket = await connect(server);
    socket.pause();
    const head = `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer ${tokens[at % 10]}\r\nContent-Length: ${body.length}\r\n\r\n`;
    socket.write(head + body);
    sockets.push(socket);
  }
  await sleep(5000);
  const held = memoryOf(server.pid) - before;
  const { status, ms } = await ask(server, "{ me { id } }", { token: tokens[1] });
  await sleep(60_000);
  const after = memoryOf(server.pid) - before;
  sockets.forEach((socket) => socket.destroy());
  return [`200 answers that nobody reads hold ${round(held)} MiB, ${round(after)} after a minute; me: ${status} after ${round(ms)} ms`];
}

/** Three hundred wrong passwords at once, each for another account, and the administrator's right one among them. */
async function passwords(server) {
  const query = "mutation($input: LogInInput!) { logIn(input: $input) { session { accessToken } userErrors { code } } }";
  const wrong = Array.from({ length: 300 }, (_, at) =>
    ask(server, query, { token: "", variables: { input: { email: `u${at}@example.com`, password: "a guess" } } }));
  await sleep(20);
  const me = [];
  for (let at = 0; at < 20; at++) me.push((await ask(server, "{ me { id } }")).ms);
  const answers = await Promise.all(wrong);
  const refused = answers.filter(({ status }) => status === 429).length;
  return [`300 wrong passwords: ${refused} refused at once, the last answered after ${round(Math.max(...answers.map(({ ms }) => ms)))} ms; me beside them ${round(median(me))} ms in the median, ${round(Math.max(...me))} at most; ${round(memoryOf(server.pid, "VmHWM"))} MiB at the peak`];
}

const folderSize = (folder) => Number(execFileSync("du", ["-sb", folder]).toString().split("\t")[0]);
const MEBIBYTE = 1024 ** 2;

/** Three hundred tickets of one user with a quota of 1 MB, each with a file behind it; then fifty posts on one ticket. */
async function disk(server) {
  const storage = `${server.folder}/storage`;
  const file = Buffer.alloc(0.9 * MEBIBYTE, 1);
  let [granted, refused] = [0, 0];
  for (let at = 0; at < 300; at++) {
    const ticket = await ticketFor(server, file, "a.jpg", "image/jpeg").catch(() => undefined);
    if (!ticket) refused++;
    else granted += (await ticket.post().then(() => 1, () => 0));
  }
  const rows = [`300 tickets with a quota of 1 MB: ${granted} stored, ${refused} refused; ${round(folderSize(storage) / MEBIBYTE)} MiB on the disk`];
  const other = { ...server, token: tokenOf(server, "ben@example.com") };
  const { categories } = await send(other, "{ categories { id } }");
  const input = { filename: "a.jpg", contentType: "image/jpeg", fileSize: file.length, categoryId: categories[0].id };
  const { requestUpload } = await send(other, "mutation($input: RequestUploadInput!) { requestUpload(input: $input) { upload { url fields { name value } } } }", { input });
  const { url, fields } = requestUpload.upload;
  const part = (name, value, more = "") => `--x\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}`;
  const head = `${fields.map(({ name, value }) => part(name, `${value}\r\n`)).join("")}${part("file", "", '; filename="a.jpg"')}`;
  const target = new URL(url);
  const before = folderSize(storage);
  const sockets = [];
  for (let at = 0; at < 50; at++) {
    const socket = await connect(server);
    socket.write(`POST ${target.pathname} HTTP/1.1\r\nHost: ${target.host}\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: ${head.length + file.length + 10}\r\n\r\n${head}`);
    socket.write(file);
    sockets.push(socket);
  }
  await sleep(3000);
  rows.push(`50 unfinished posts on one ticket hold ${((folderSize(storage) - before) / MEBIBYTE).toFixed(1)} MiB; ${sockets.filter((socket) => socket.isOpen).length} of them are still open`);
  sockets.forEach((socket) => socket.destroy());
  return rows;
}

/** A GIF of a thousand frames: each is another rectangle, stored without compression of its pixels. */
function longGif(side, frames) {
  const word = (number) => [number & 255, number >> 8];
  const bytes = [...Buffer.from("GIF89a"), ...word(side), ...word(side), 0x80, 0, 0, 0, 0, 0, 255, 255, 255, 0x21, 0xff, 11, ...Buffer.from("NETSCAPE2.0"), 3, 1, 0, 0, 0];
  // Codes of three bits: 4 clears, 5 ends, 0 and 1 are the colours. A clear before every two keeps them at three bits.
  for (let frame = 0; frame < frames; frame++) {
    const codes = [];
    for (let pixel = 0; pixel < side * side; pixel++) {
      if (pixel % 2 === 0) codes.push(4);
      codes.push((pixel + frame) % 3 === 0 ? 1 : 0);
    }
    codes.push(5);
    const data = [];
    let [held, bits] = [0, 0];
    for (const code of codes) {
      held |= code << bits;
      bits += 3;
      for (; bits >= 8; bits -= 8, held >>= 8) data.push(held & 255);
    }
    data.push(held & 255);
    bytes.push(0x21, 0xf9, 4, 0, 4, 0, 0, 0, 0x2c, 0, 0, 0, 0, ...word(side), ...word(side), 0, 2);
    for (let at = 0; at < data.length; at += 255) {
      const block = data.slice(at, at + 255);
      bytes.push(block.length, ...block);
    }
    bytes.push(0);
  }
  return Buffer.from([...bytes, 0x3b]);
}

/** Has the variants of a GIF of a thousand frames made again and again, as often as it is allowed within ten seconds. */
async function repetitions(server) {
  const imageId = await upload(server, longGif(96, 1000), "long.gif", "image/gif");
  const statusOf = async () => (await send(server, `{ image(id: "${imageId}") { status } }`)).image.status;
  while (!["COMPLETED", "FAILED"].includes(await statusOf())) await sleep(100);
  const query = "mutation($input: GenerateVariantsInput!) { generateVariants(input: $input) { userErrors { code } } }";
  const answers = {};
  const until = performance.now() + 10_000;
  while (performance.now() < until) {
    const { status, body } = await ask(server, query, { variables: { input: { imageId } } });
    const outcome = body.includes("RATE_LIMITED") ? "RATE_LIMITED" : status;
    answers[outcome] = (answers[outcome] ?? 0) + 1;
    await sleep(20);
  }
  return [`generateVariants of a GIF of 1,000 frames within ten seconds: ${JSON.stringify(answers)}`];
}

const settings = { ADMIN_PASSWORD: "a password for benches", IMAGE_MEMORY_BUDGET: String(2 * 1024 ** 3), MAX_UPLOAD_SIZE: String(100 * 1024 ** 2) };
const scenes = {
  documents: [documents, { seeded: 100 }],
  searches: [searches, { seeded: 100_000 }],
  "searches without a limit of points": [searches, { seeded: 100_000, settings: { RATE_LIMIT_POINTS: "0" } }],
  bombs: [bombs, {}],
  bodies: [bodies, {}],
  idle: [idle, {}],
  unread: [unread, {}],
  passwords: [passwords, {}],
  disk: [disk, { settings: { STORAGE_QUOTA: "1000000" } }],
  repetitions: [repetitions, {}],
};
const wanted = process.argv.slice(2);
for (const [name, [scene, needs]] of Object.entries(scenes)) {
  if (wanted.length && !wanted.includes(name.split(" ")[0])) continue;
  const server = await startServer({ settings: { ...settings, ...needs.settings } });
  if (needs.seeded) {
    seed(server, needs.seeded, "ann@example.com");
  }
  try {
    for (const row of await scene(server)) console.log(`${name}: ${row}`);
  } catch (error) {
    console.log(`${name}: ${error.message}`);
  }
  await Promise.race([server.stop(), sleep(10_000)]);
}
process.exit(0);
