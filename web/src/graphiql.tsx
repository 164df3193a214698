// GraphiQL with a place for the token, which goes with HTTP and with the WebSocket alike.

import "graphiql/setup-workers/vite";
import "graphiql/style.css";
import "./graphiql.css";

import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { createClient } from "graphql-ws";
import { useState } from "react";
import { createRoot } from "react-dom/client";

import { examples } from "./examples";

const TOKEN = "darkroom.token";

const endpoint = new URL("/graphql", window.location.href);
const socketEndpoint = new URL(endpoint);
socketEndpoint.protocol = endpoint.protocol === "https:" ? "wss:" : "ws:";

const token = localStorage.getItem(TOKEN) ?? "";
const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};

const fetcher = createGraphiQLFetcher({
  url: endpoint.href,
  headers,
  wsClient: createClient({ url: socketEndpoint.href, connectionParams: headers }),
});

/** The category that the example ticket is for; none without a token. */
async function firstCategory(): Promise<string | null> {
  if (!token) return null;
  const answer = await fetch(endpoint, {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify({ query: "{ categories { id } }" }),
  });
  const { data } = await answer.json();
  return data?.categories?.[0]?.id ?? null;
}

function Identity() {
  const [value, setValue] = useState(token);
  return (
    <form
      className="identity"
      onSubmit={(event) => {
        event.preventDefault();
        localStorage.setItem(TOKEN, value.trim());
        window.location.reload();
      }}
    >
      <strong>Darkroom</strong>
      <input
        aria-label="Access token"
        placeholder="Access token: darkroom token you@example.com"
        value={value}
        onChange={(event) => setValue(event.target.value)}
        autoComplete="off"
        spellCheck={false}
      />
      <button type="submit">Use</button>
    </form>
  );
}

const categoryId = await firstCategory().catch(() => null);
createRoot(document.getElementById("root")!).render(
  <div className="page">
    <Identity />
    <GraphiQL fetcher={fetcher} defaultTabs={examples(categoryId)} />
  </div>,
);
