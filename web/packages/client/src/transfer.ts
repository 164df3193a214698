// Bytes to the storage, by XMLHttpRequest: fetch does not say how many of them have left.

import { DarkroomError, aborted } from "./errors.js";

export type Transfer = {
  method: "POST" | "PUT";
  url: string;
  headers?: readonly { name: string; value: string }[];
  body: Blob | FormData;
};

/** The URL is no longer good, or was never: another one is needed. */
export const EXPIRED = "STORAGE_REFUSED";

/** Sends a body. `onProgress` is called with the bytes that have left, also of the form around the file. */
export function transfer(
  { method, url, headers = [], body }: Transfer,
  onProgress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(aborted());
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    const settle = (end: () => void) => {
      signal.removeEventListener("abort", abort);
      end();
    };
    request.open(method, url);
    for (const { name, value } of headers) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onabort = () => settle(() => reject(aborted()));
    request.onerror = () => settle(() => reject(new DarkroomError("NETWORK", "The storage cannot be reached.", { isTransient: true })));
    request.onload = () => settle(() => (request.status < 300 ? resolve() : reject(refusal(request.status, request.responseText))));
    signal.addEventListener("abort", abort, { once: true });
    request.send(body);
  });
}

/** What an S3 answered, in XML. */
function refusal(status: number, text: string): DarkroomError {
  const code = /<Code>([^<]+)<\/Code>/.exec(text)?.[1] ?? `status ${status}`;
  const isTransient = status >= 500 || status === 408 || status === 429 || code === "RequestTimeout";
  return new DarkroomError(EXPIRED, `The storage refused the file: ${code}.`, { isTransient });
}
