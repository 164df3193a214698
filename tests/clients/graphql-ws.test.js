// A client on npm's graphql-ws receives a whole upload, and is told apart from one with a forged token.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { createClient } from "graphql-ws";
import WebSocket from "ws";

import { png } from "./picture.js";
import { COMPLETE, WATCH, send, startServer, ticketFor } from "./server.js";

let server;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

test("a whole upload arrives, to the end of the subscription", async () => {
  const connectionParams = { Authorization: `Bearer ${server.token}` };
  const client = createClient({ url: server.socket, webSocketImpl: WebSocket, connectionParams });
  const { imageId, post } = await ticketFor(server, png(800, 600));
  const events = [];
  for await (const { data, errors } of client.iterate({ query: WATCH, variables: { id: imageId } })) {
    assert.equal(errors, undefined);
    events.push(data.uploadProgress);
    if (events.length === 1) {
      await post();
      await send(server, COMPLETE, { input: { imageId } });
    }
  }
  assert.equal(events[0].status, "PENDING");
  assert.equal(events.at(-1).status, "COMPLETED");
  assert.equal(events.at(-1).variantsReady, 5);
  const made = events.filter((event) => event.variant).map((event) => event.variant.type);
  assert.deepEqual(made, [...new Set(made)], "each variant is told of once");
  const revisions = events.map((event) => event.revision);
  assert.deepEqual(revisions, revisions.toSorted((a, b) => a - b));
  await client.dispose();
});

test("a forged token is told so", async () => {
  const closed = [];
  const client = createClient({
    url: server.socket,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: "Bearer forged" },
    // By default the library tries again, as with a token that was refreshed meanwhile.
    retryAttempts: 0,
    on: { closed: (event) => closed.push(event.code) },
  });
  await assert.rejects(async () => {
    for await (const _ of client.iterate({ query: "subscription { myUploads { status } }" }));
  });
  assert.deepEqual(closed, [4403]);
});
