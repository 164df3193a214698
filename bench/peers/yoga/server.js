// The same subscription by GraphQL Yoga and graphql-ws, as their documentation sets them up: an in-memory pub/sub, no
// database, no users. A POST to /publish/TOPIC tells all who watch the topic.

import { createServer } from "node:http";

import { useServer } from "graphql-ws/use/ws";
import { createPubSub, createSchema, createYoga } from "graphql-yoga";
import { WebSocketServer } from "ws";

const pubSub = createPubSub();
const schema = createSchema({
  typeDefs: /* GraphQL */ `
    type Query { ok: Boolean }
    type Variant { type: String! url: String! }
    type Image { id: ID! status: String! title: String! width: Int height: Int variants: [Variant!]! }
    type Progress { status: String! percent: Float! variantsReady: Int! variantsTotal: Int! revision: Int! image: Image! }
    type Subscription { myUploads(topic: String!): Progress! }
  `,
  resolvers: { Subscription: { myUploads: { subscribe: (_, { topic }) => pubSub.subscribe(topic), resolve: (progress) => progress } } },
});
const yoga = createYoga({ schema, logging: false });
const server = createServer((request, response) => {
  if (!request.url.startsWith("/publish/")) return yoga(request, response);
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    pubSub.publish(request.url.slice("/publish/".length), JSON.parse(Buffer.concat(parts)));
    response.end();
  });
});
const sockets = new WebSocketServer({ server, path: yoga.graphqlEndpoint });
useServer(
  {
    execute: (args) => args.rootValue.execute(args),
    subscribe: (args) => args.rootValue.subscribe(args),
    onSubscribe: async (context, _id, params) => {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({ ...context, req: context.extra.request, socket: context.extra.socket, params });
      const args = { schema, operationName: params.operationName, document: parse(params.query), variableValues: params.variables, contextValue: await contextFactory(), rootValue: { execute, subscribe } };
      const errors = validate(args.schema, args.document);
      return errors.length ? errors : args;
    },
  },
  sockets,
);
server.listen(0, "127.0.0.1", () => console.log(`listening on 127.0.0.1:${server.address().port}`));
