// GraphiQL with a form to sign in, and a place for a token; who asks goes with HTTP and with the WebSocket alike.

import "graphiql/setup-workers/vite";
import "graphiql/style.css";
import "./graphiql.css";

import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { createClient } from "graphql-ws";
import { type FormEvent, useState } from "react";
import { createRoot } from "react-dom/client";

import { examples } from "./examples";
import { authorization, endpoint, pasteToken, pastedToken, resume, signIn, signOut, signedInAs } from "./session";

const socketEndpoint = new URL(endpoint);
socketEndpoint.protocol = endpoint.protocol === "https:" ? "wss:" : "ws:";

const fetcher = createGraphiQLFetcher({
  url: endpoint.href,
  fetch: async (url, options) => fetch(url, { ...options, headers: { ...options?.headers, ...(await authorization()) } }),
  wsClient: createClient({ url: socketEndpoint.href, connectionParams: authorization }),
});

/** The category that the example ticket is for; none for nobody. */
async function firstCategory(): Promise<string | null> {
  const headers = await authorization();
  if (!headers.Authorization) return null;
  const answer = await fetch(endpoint, {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify({ query: "{ categories { id } }" }),
  });
  const { data } = await answer.json();
  return data?.categories?.[0]?.id ?? null;
}

/** Begins the page anew, for somebody else. */
const reload = () => window.location.reload();

function SignIn() {
  const [problem, setProblem] = useState<string | null>(null);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const refused = await signIn(String(form.get("email")), String(form.get("password")));
    if (!refused) pasteToken("");
    refused ? setProblem(refused) : reload();
  };
  return (
    <form onSubmit={submit}>
      <input name="email" type="email" aria-label="Email address" placeholder="Email address" autoComplete="username" required />
      <input name="password" type="password" aria-label="Password" placeholder="Password" autoComplete="current-password" required />
      <button type="submit">Sign in</button>
      {problem && <span role="alert">{problem}</span>}
    </form>
  );
}

function Token() {
  const [value, setValue] = useState(pastedToken());
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        pasteToken(value.trim());
        reload();
      }}
    >
      <input
        aria-label="Access token"
        placeholder="or an API token"
        value={value}
        onChange={(event) => setValue(event.target.value)}
        autoComplete="off"
        spellCheck={false}
      />
      <button type="submit">Use</button>
    </form>
  );
}

function Identity() {
  const email = signedInAs();
  return (
    <header className="identity">
      <strong>Darkroom</strong>
      {email ? (
        <>
          <span>{email}</span>
          <button onClick={() => signOut().finally(reload)}>Sign out</button>
        </>
      ) : (
        <>
          {!pastedToken() && <SignIn />}
          <Token />
        </>
      )}
    </header>
  );
}

// Whoever pasted a token asks by that.
if (!pastedToken()) await resume().catch(() => null);
const categoryId = await firstCategory().catch(() => null);
createRoot(document.getElementById("root")!).render(
  <div className="page">
    <Identity />
    <GraphiQL fetcher={fetcher} defaultTabs={examples(categoryId)} />
  </div>,
);
