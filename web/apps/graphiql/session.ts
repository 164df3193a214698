// Who the page asks as: somebody who signed in, or whoever has the token that was pasted.

import { Session } from "@darkroom/client";

const PASTED = "darkroom.token";

export const endpoint = new URL("/graphql", window.location.href);
export const session = new Session(endpoint);

export const pastedToken = () => localStorage.getItem(PASTED) ?? "";
export const pasteToken = (token: string) => localStorage.setItem(PASTED, token);

/** The header that says who asks; none for nobody. */
export async function authorization(): Promise<Record<string, string>> {
  const token = (await session.token(false)) ?? pastedToken();
  return token ? { Authorization: `Bearer ${token}` } : {};
}
