// What a React team does with Apollo Client: persisted queries over HTTP, a subscription over the WebSocket,
// and the cache keeping up by the image's id.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { createHash } from "node:crypto";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

import { png } from "./picture.js";
import { COMPLETE, startServer, ticketFor } from "./server.js";

let server;
let client;
let sockets;
before(async () => {
  server = await startServer();
  const headers = { Authorization: `Bearer ${server.token}` };
  const sha256 = (text) => createHash("sha256").update(text).digest("hex");
  const http = new PersistedQueryLink({ sha256 }).concat(new HttpLink({ uri: server.graphql, headers }));
  sockets = createClient({ url: server.socket, webSocketImpl: WebSocket, connectionParams: headers });
  const isSubscription = ({ operationType }) => operationType === "subscription";
  const link = ApolloLink.split(isSubscription, new GraphQLWsLink(sockets), http);
  client = new ApolloClient({ link, cache: new InMemoryCache() });
});
after(async () => {
  client?.stop();
  await sockets?.dispose();
  await server?.stop();
});

const IMAGE = gql`
  query ($id: ID!) {
    image(id: $id) { id status variants { type url } }
  }
`;
const WATCH = gql`
  subscription ($id: ID!) {
    uploadProgress(imageId: $id) { revision image { id status } }
  }
`;

test("an upload is followed, and the cache knows its state", async () => {
  const { imageId, post } = await ticketFor(server, png(400, 300));
  const variables = { id: imageId };
  const first = await client.query({ query: IMAGE, variables });
  assert.equal(first.data.image.status, "PENDING");
  const statuses = [];
  await new Promise((resolve, reject) => {
    client.subscribe({ query: WATCH, variables }).subscribe({
      next: ({ data }) => statuses.push(data.uploadProgress.image.status),
      error: reject,
      complete: resolve,
    });
    post().then(() => client.mutate({ mutation: gql(COMPLETE), variables: { input: { imageId } } })).catch(reject);
  });
  assert.equal(statuses.at(-1), "COMPLETED");
  const cached = client.readQuery({ query: IMAGE, variables });
  assert.equal(cached.image.status, "COMPLETED", "the subscription's event updated the cached image");
  const fresh = await client.query({ query: IMAGE, variables, fetchPolicy: "network-only" });
  assert.equal(fresh.data.image.variants.length, 5);
});

test("an error reaches the client with its code", async () => {
  await assert.rejects(
    client.query({ query: IMAGE, variables: { id: "rubbish" } }),
    (error) => error.errors[0].extensions.code === "BAD_USER_INPUT",
  );
});
