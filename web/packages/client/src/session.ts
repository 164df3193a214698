// Who asks: somebody who signed in. The refresh token is in a cookie that no script reads; the access token is in memory.

import { DarkroomError } from "./errors.js";

/** In milliseconds: an access token that ends sooner is exchanged first. */
const MARGIN = 30_000;

/** Who is signed in. */
export type SessionUser = { id: string; email: string; displayName: string };
/** A provider of identities that signs users in, such as a company's own. */
export type SignInProvider = { title: string; url: string };
type Begun = { accessToken: string; accessTokenExpiresAt: string; user: SessionUser };
type Answer = {
  data?: Record<string, { session?: Begun | null; userErrors: { code: string; message: string }[] } | null> | null;
  errors?: { message: string; extensions?: { code?: string } }[];
};

const SESSION = "session { accessToken accessTokenExpiresAt user { id email displayName } } userErrors { code message }";

/** A log-in at one server, for pages of its own origin or one of `CORS_ORIGINS`. */
export class Session {
  #begun: Begun | null = null;
  #resuming: Promise<SessionUser | null> | null = null;
  readonly #url: URL;
  readonly #listeners = new Set<() => void>();

  constructor(url: string | URL) {
    this.#url = new URL(url, globalThis.location.href);
  }

  /** Who is signed in, or null. */
  get user(): SessionUser | null {
    return this.#begun?.user ?? null;
  }

  /** Calls back after somebody signed in or out; the function that it gives ends that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Signs in. Rejects with `SECOND_FACTOR_REQUIRED` where a `code` is needed, too. */
  async logIn(email: string, password: string, code?: string): Promise<SessionUser> {
    const user = await this.#begin("logIn", { email, password, code, rememberMe: true, useCookie: true });
    return user ?? fail("The server answered without a session.");
  }

  /** Has the browser ask for a passkey of this site, and signs in by it. */
  async logInWithPasskey(): Promise<SessionUser> {
    type Challenge = { passkeyChallenge: { options: PublicKeyCredentialRequestOptionsJSON; challenge: string } | null };
    const answer = await this.#send(
      "mutation { beginPasskeyLogIn { passkeyChallenge { options challenge } userErrors { code message } } }",
    );
    const begun = answer.data?.beginPasskeyLogIn as (Challenge & { userErrors: { message: string }[] }) | null | undefined;
    if (!begun?.passkeyChallenge) return fail(begun?.userErrors[0]?.message ?? answer.errors?.[0]?.message);
    const { options, challenge } = begun.passkeyChallenge;
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    const credential = await navigator.credentials.get({ publicKey }).catch(() => null);
    if (!(credential instanceof PublicKeyCredential)) return fail("No passkey was used.", "ABORTED");
    const input = { challenge, credential: credential.toJSON(), rememberMe: true, useCookie: true };
    return (await this.#begin("logInWithPasskey", input)) ?? fail("The server answered without a session.");
  }

  /** Who else signs users in, with the address that a browser goes to. It comes back to `returnTo`, signed in. */
  async providers(returnTo: string): Promise<SignInProvider[]> {
    const { data } = await this.#send("{ identityProviders { title logInPath } }");
    const known = (data as { identityProviders?: { title: string; logInPath: string }[] } | null | undefined)?.identityProviders ?? [];
    return known.map(({ title, logInPath }) => {
      const url = new URL(logInPath, this.#url);
      url.searchParams.set("return_to", returnTo);
      return { title, url: url.href };
    });
  }

  /** Goes on with the session that the cookie is of. Many who ask at once wait for one answer. */
  resume(): Promise<SessionUser | null> {
    this.#resuming ??= this.#begin("refreshSession", {})
      .catch((error: unknown) => {
        // Whoever is offline is still signed in.
        if (error instanceof DarkroomError && error.code === "NETWORK") throw error;
        return null;
      })
      .finally(() => (this.#resuming = null));
    return this.#resuming;
  }

  /** Ends the session, here and at the server. */
  async logOut(): Promise<void> {
    const token = await this.token(false);
    this.#set(null);
    await this.#send("mutation { logOut { userErrors { message } } }", {}, token);
  }

  /** An access token that is good for a while, or null for nobody. For `Darkroom`, and for anything else that asks. */
  readonly token = async (isRefused: boolean): Promise<string | null> => {
    const begun = this.#begun;
    if (begun && (isRefused || Date.parse(begun.accessTokenExpiresAt) < Date.now() + MARGIN)) await this.resume();
    return this.#begun?.accessToken ?? null;
  };

  async #begin(field: string, input: object): Promise<SessionUser | null> {
    const type = `${field.charAt(0).toUpperCase()}${field.slice(1)}Input`;
    const { data, errors } = await this.#send(`mutation ($input: ${type}!) { ${field}(input: $input) { ${SESSION} } }`, { input });
    const refusal = data?.[field]?.userErrors[0];
    if (errors?.[0] || refusal) {
      const code = refusal?.code ?? errors?.[0]?.extensions?.code;
      if (field === "refreshSession") this.#set(null);
      return fail(refusal?.message ?? errors?.[0]?.message, code);
    }
    this.#set(data?.[field]?.session ?? null);
    return this.user;
  }

  async #send(query: string, variables: object = {}, token: string | null = null): Promise<Answer> {
    const headers = new Headers({ "Content-Type": "application/json" });
    if (token) headers.set("Authorization", `Bearer ${token}`);
    const body = JSON.stringify({ query, variables });
    const response = await fetch(this.#url, { method: "POST", credentials: "include", headers, body }).catch((error: unknown) => {
      throw new DarkroomError("NETWORK", `The server cannot be reached: ${String(error)}`, { isTransient: true });
    });
    return (await response.json()) as Answer;
  }

  #set(begun: Begun | null): void {
    this.#begun = begun;
    for (const listener of this.#listeners) listener();
  }
}

function fail(message = "The server gave no reason.", code = "UNEXPECTED_ANSWER"): never {
  throw new DarkroomError(code, message);
}
