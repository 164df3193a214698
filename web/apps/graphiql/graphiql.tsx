// GraphiQL with a form to sign in, and a place for a token; who asks goes with HTTP and with the WebSocket alike.

import "graphiql/setup-workers/vite";
import "graphiql/style.css";
import "./graphiql.css";

import { DarkroomError, type SignInProvider } from "@darkroom/client";
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { createClient } from "graphql-ws";
import { type SubmitEvent, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

import { examples, fillIn } from "./examples";
import { authorization, endpoint, pasteToken, pastedToken, session } from "./session";

const socketEndpoint = new URL(endpoint);
socketEndpoint.protocol = endpoint.protocol === "https:" ? "wss:" : "ws:";

/** Why a socket is closed whose token is not valid. */
const FORBIDDEN = 4403;

const fetcher = createGraphiQLFetcher({
  url: endpoint.href,
  fetch: async (url, options) => {
    const headers = new Headers(options?.headers);
    for (const [name, value] of Object.entries(await authorization())) headers.set(name, value);
    return fetch(url, { ...options, headers });
  },
  wsClient: createClient({
    url: socketEndpoint.href,
    connectionParams: authorization,
    // A token that is refused once is refused each time: whoever runs the subscription is told at once.
    shouldRetry: (problem) => !(problem instanceof CloseEvent && problem.code === FORBIDDEN),
  }),
});

type Caller = { email: string | null; categoryId: string | null };
const NOBODY: Caller = { email: null, categoryId: null };

/** Who asks, and the category that the example ticket is for. */
async function whoAsks(): Promise<Caller> {
  const headers = await authorization();
  if (!headers.Authorization) return NOBODY;
  const answer = await fetch(endpoint, {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify({ query: "{ me { email } categories { id } }" }),
  });
  // A token that is worth nothing makes nobody, who is told no categories.
  type Answer = { data?: { me: { email: string } | null; categories?: { id: string }[] } | null };
  const { data } = (await answer.json()) as Answer;
  return { email: data?.me?.email ?? null, categoryId: data?.categories?.[0]?.id ?? null };
}

/** Begins the page anew, for somebody else. */
const reload = () => window.location.reload();

function SignIn() {
  const [problem, setProblem] = useState<string | null>(null);
  const [needsCode, setNeedsCode] = useState(false);
  const [elsewhere, setElsewhere] = useState<SignInProvider[]>([]);
  useEffect(() => void session.providers(window.location.href).then(setElsewhere, () => null), []);
  const attempt = async (signIn: () => Promise<unknown>) => {
    try {
      await signIn();
      pasteToken("");
      reload();
    } catch (error) {
      const isCode = error instanceof DarkroomError && error.code === "SECOND_FACTOR_REQUIRED";
      if (isCode) setNeedsCode(true);
      setProblem(isCode && !needsCode ? null : error instanceof Error ? error.message : String(error));
    }
  };
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => (form.get(name) as string | null) ?? "";
    void attempt(() => session.logIn(text("email"), text("password"), needsCode ? text("code") : undefined));
  };
  return (
    <form onSubmit={submit}>
      <input name="email" type="email" aria-label="Email address" placeholder="Email address" autoComplete="username" required />
      <input name="password" type="password" aria-label="Password" placeholder="Password" autoComplete="current-password" required />
      {needsCode && <input name="code" aria-label="Code" placeholder="Code of your app" autoComplete="one-time-code" autoFocus required />}
      <button type="submit">Sign in</button>
      {"PublicKeyCredential" in window && (
        <button type="button" onClick={() => void attempt(() => session.logInWithPasskey())}>
          Use a passkey
        </button>
      )}
      {elsewhere.map(({ title, url }) => (
        <a key={url} href={url}>
          {title}
        </a>
      ))}
      {problem && <span role="alert">{problem}</span>}
    </form>
  );
}

function Token({ caller }: { caller: Caller | null }) {
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
      {pastedToken() &&
        caller &&
        (caller.email ? <span>{caller.email}</span> : <span role="alert">This token is not valid, or has expired.</span>)}
    </form>
  );
}

function Identity({ caller }: { caller: Caller | null }) {
  const email = session.user?.email;
  return (
    <header className="identity">
      <strong>Darkroom</strong>
      {email ? (
        <>
          <span>{email}</span>
          <button onClick={() => void session.logOut().finally(reload)}>Sign out</button>
        </>
      ) : (
        <>
          {!pastedToken() && <SignIn />}
          <Token caller={caller} />
        </>
      )}
    </header>
  );
}

// Whoever pasted a token asks by that.
if (!pastedToken()) await session.resume().catch(() => null);
const caller = await whoAsks().catch(() => null);
if (caller?.categoryId) fillIn(caller.categoryId);
const root = document.getElementById("root");
if (root)
  createRoot(root).render(
    <div className="page">
      <Identity caller={caller} />
      <GraphiQL fetcher={fetcher} defaultTabs={examples(caller?.categoryId)} />
    </div>,
  );
