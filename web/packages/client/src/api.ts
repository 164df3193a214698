// Operations by fetch: who asks, what was answered, and what went wrong.

import { DarkroomError } from "./errors.js";
import { withRetries } from "./retries.js";

/** Gives the token of whoever asks, or null for nobody. `isRefused` says that the last one was not accepted: get another one. */
export type TokenSource = (isRefused: boolean) => string | null | Promise<string | null>;

/** An error of the input, which the user can correct. */
type UserError = { code: string; message: string; field?: string[] | null };
type Answer = {
  data?: Record<string, unknown> | null;
  errors?: { message: string; extensions?: { code?: string; retryAfter?: number } }[];
};

/** The API of one server. */
export class Api {
  constructor(
    readonly url: URL,
    readonly token: TokenSource,
  ) {}

  /** Runs an operation, several times if need be: each of ours is safe to repeat. */
  async run<T>(query: string, variables: object, signal: AbortSignal): Promise<T> {
    return withRetries(signal, async () => {
      const first = await this.#send(query, variables, await this.token(false), signal);
      if (codeOf(first) !== "UNAUTHENTICATED") return dataOf<T>(first);
      return dataOf<T>(await this.#send(query, variables, await this.token(true), signal));
    });
  }

  /** Runs a mutation that answers with `userErrors`, the first of which is thrown. */
  async mutate<T>(field: string, inputType: string, selection: string, input: object, signal: AbortSignal): Promise<T> {
    const query = `mutation ($input: ${inputType}!) { ${field}(input: $input) { ${selection} userErrors { code message field } } }`;
    const data = await this.run<Record<string, T & { userErrors: UserError[] }>>(query, { input }, signal);
    const payload = data[field];
    if (!payload) throw new DarkroomError("UNEXPECTED_ANSWER", "The server answered without the result.");
    const [error] = payload.userErrors;
    if (error) throw new DarkroomError(error.code, error.message, error.field ? { field: error.field } : {});
    return payload;
  }

  async #send(query: string, variables: object, token: string | null, signal: AbortSignal): Promise<Answer> {
    const headers = new Headers({ "Content-Type": "application/json", Accept: "application/json" });
    if (token) headers.set("Authorization", `Bearer ${token}`);
    const body = JSON.stringify({ query, variables });
    const response = await fetch(this.url, { method: "POST", headers, body, signal }).catch((error: unknown) => {
      throw new DarkroomError("NETWORK", `The server cannot be reached: ${String(error)}`, { isTransient: true });
    });
    const answer = (await response.json().catch(() => null)) as Answer | null;
    if (answer && (answer.data || answer.errors)) return answer;
    const why = `The server answered ${response.status} without a result.`;
    throw new DarkroomError("UNEXPECTED_ANSWER", why, { isTransient: response.status >= 500 });
  }
}

const codeOf = (answer: Answer) => answer.errors?.[0]?.extensions?.code;

// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- whoever wrote the query knows its data
function dataOf<T>(answer: Answer): T {
  const [error] = answer.errors ?? [];
  if (error) {
    const { code = "UNEXPECTED_ANSWER", retryAfter } = error.extensions ?? {};
    const isTransient = code === "RATE_LIMITED" || code.endsWith("_UNAVAILABLE");
    throw new DarkroomError(code, error.message, retryAfter === undefined ? { isTransient } : { isTransient, retryAfter });
  }
  return answer.data as T;
}
