// Who uses the console, and the clients that ask in their name.

import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { ErrorLink } from "@apollo/client/link/error";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { CombinedGraphQLErrors } from "@apollo/client";
import { Session } from "@darkroom/client";
import { typePolicies } from "@darkroom/react";
import { OperationTypeNode } from "graphql";
import { createClient } from "graphql-ws";
import { from, switchMap, timer } from "rxjs";

export const endpoint = new URL("/graphql", window.location.href).href;
export const session = new Session(endpoint);

const socket = createClient({
  url: endpoint.replace(/^http/, "ws"),
  // What was missed is asked for again: every event of an upload is its whole state.
  retryAttempts: Number.POSITIVE_INFINITY,
  shouldRetry: () => session.user !== null,
  connectionParams: async () => {
    const token = await session.token(false);
    return token ? { authorization: `Bearer ${token}` } : {};
  },
});

/** Calls back whenever the connection was away and is there again; the function that it gives ends that. */
export function onReconnected(listener: () => void): () => void {
  return socket.on("connected", (_socket, _payload, wasRetry) => {
    if (wasRetry) listener();
  });
}

const authorize = new SetContextLink(async (context) => {
  const headers = context.headers as Record<string, string> | undefined;
  const token = await session.token(false);
  return { headers: token ? { ...headers, authorization: `Bearer ${token}` } : { ...headers } };
});

/** In seconds, where the server does not say how long. */
const PATIENCE = 1;

/** A token that was revoked or has ended is exchanged once, unseen; who asks too much waits as long as the server says, once. */
const again = new ErrorLink(({ error, operation, forward }) => {
  const extensions = CombinedGraphQLErrors.is(error) ? error.errors[0]?.extensions : undefined;
  const { wasTried } = operation.getContext() as { wasTried?: string };
  if (typeof extensions?.code !== "string" || wasTried === extensions.code) return;
  operation.setContext({ wasTried: extensions.code });
  if (extensions.code === "UNAUTHENTICATED") return from(session.resume()).pipe(switchMap(() => forward(operation)));
  const seconds = typeof extensions.retryAfter === "number" ? extensions.retryAfter : PATIENCE;
  if (extensions.code === "RATE_LIMITED") return timer(seconds * 1000).pipe(switchMap(() => forward(operation)));
});

export const apollo = new ApolloClient({
  cache: new InMemoryCache({ typePolicies }),
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(socket),
    ApolloLink.from([again, authorize, new HttpLink({ uri: endpoint })]),
  ),
});
