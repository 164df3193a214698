// A mutation, as a button or a form uses it: run, refused with a reason, or done.

import type { TypedDocumentNode } from "@apollo/client";
import { useMutation } from "@apollo/client/react";
import { useState } from "react";

type Payload = { userErrors: { message: string }[] };

export type Action<Data, Input> = {
  /** Gives what was answered, or null where it was refused. */
  run: (input: Input) => Promise<Data | null>;
  /** Why the last run was refused. */
  problem: string | null;
  isBusy: boolean;
};

/** `refetched`: the lists that it changes, by the names of their queries. */
export function useAction<Data, Input>(mutation: TypedDocumentNode<Data, { input: Input }>, refetched: string[] = []): Action<Data, Input> {
  const [mutate, { loading }] = useMutation(mutation, { errorPolicy: "all" });
  const [problem, setProblem] = useState<string | null>(null);
  const run = async (input: Input) => {
    const { data, error } = await mutate({ variables: { input }, refetchQueries: refetched, awaitRefetchQueries: true });
    const reason = error?.message ?? reasonIn(data);
    setProblem(reason);
    return reason === null && data ? data : null;
  };
  return { run, problem, isBusy: loading };
}

function reasonIn(data: unknown): string | null {
  const payloads = Object.values(data ?? {}).filter((value): value is Payload => typeof value === "object" && value !== null);
  return payloads.flatMap(({ userErrors }) => userErrors)[0]?.message ?? null;
}
