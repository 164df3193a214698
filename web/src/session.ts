// Who the page asks as: somebody who signed in, whose refresh token is in a cookie that no script reads, or whoever has the token
// that was pasted.

const PASTED = "darkroom.token";
/** In milliseconds: an access token that ends sooner is exchanged first. */
const MARGIN = 30_000;

export const endpoint = new URL("/graphql", window.location.href);

type Session = { accessToken: string; accessTokenExpiresAt: string; user: { email: string } };

let session: Session | null = null;
let refreshing: Promise<string | null> | null = null;

export const pastedToken = () => localStorage.getItem(PASTED) ?? "";
export const pasteToken = (token: string) => localStorage.setItem(PASTED, token);
export const signedInAs = () => session?.user.email ?? null;

async function send(query: string, variables: object, headers: Record<string, string> = {}) {
  const answer = await fetch(endpoint, {
    method: "POST",
    credentials: "include",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify({ query, variables }),
  });
  return answer.json();
}

/** Calls a mutation that gives a session; says why there is none. */
async function begin(name: "logIn" | "refreshSession", input: object): Promise<string | null> {
  const type = name === "logIn" ? "LogInInput" : "RefreshSessionInput";
  const { data, errors } = await send(
    `mutation ($input: ${type}!) {
      ${name}(input: $input) {
        session { accessToken accessTokenExpiresAt user { email } }
        userErrors { message }
      }
    }`,
    { input },
  );
  session = data?.[name]?.session ?? null;
  return session ? null : (errors ?? data[name].userErrors)[0].message;
}

export const signIn = (email: string, password: string) =>
  begin("logIn", { email, password, rememberMe: true, useCookie: true });

/** Goes on with the session that the cookie is of, if there is one. Many who ask at once wait for one answer. */
export const resume = () => (refreshing ??= begin("refreshSession", {}).finally(() => (refreshing = null)));

export async function signOut() {
  await send("mutation { logOut { userErrors { message } } }", {}, await authorization());
  session = null;
}

/** The header that says who asks; none for nobody. */
export async function authorization(): Promise<Record<string, string>> {
  if (session && Date.parse(session.accessTokenExpiresAt) < Date.now() + MARGIN) await resume();
  const token = session?.accessToken ?? pastedToken();
  return token ? { Authorization: `Bearer ${token}` } : {};
}
