// What a page says where it has nothing to show yet, or cannot.

import type { ReactNode } from "react";

import { words } from "../words";

export function Problem({ children }: { children: ReactNode }) {
  return children ? (
    <p role="alert" className="problem">
      {children}
    </p>
  ) : null;
}

type Answer<Data> = { data?: Data | undefined; error?: { message: string } | undefined };

/** Shows what was answered, or why there is no answer. */
export function Answered<Data>({ of: { data, error }, children }: { of: Answer<Data>; children: (data: Data) => ReactNode }) {
  if (data !== undefined) return children(data);
  return error ? <Problem>{error.message}</Problem> : <p role="status">{words.loading}</p>;
}
