// A file in parts: several at once, each again where it was cut off, and none that the storage has already.

import type { Api } from "./api.js";
import { DarkroomError, aborted } from "./errors.js";
import { withRetries } from "./retries.js";
import { EXPIRED, transfer } from "./transfer.js";

/** How many parts are signed at once. */
const SIGNED_AT_ONCE = 20;

export type PartLayout = { imageId: string; partSize: number; partCount: number };

/** Sends all parts that are missing. `onProgress` is called with the bytes that the storage has or that have left. */
export async function sendParts(
  api: Api,
  file: Blob,
  { imageId, partSize, partCount }: PartLayout,
  atOnce: number,
  onProgress: (bytes: number) => void,
  caller: AbortSignal,
): Promise<void> {
  // Where one part fails for good, the others need not go on.
  const stop = new AbortController();
  const signal = AbortSignal.any([caller, stop.signal]);
  const sent = new Map<number, number>();
  const tell = () => onProgress([...sent.values()].reduce((sum, bytes) => sum + bytes, 0));
  for (const { partNumber, size } of await storedParts(api, imageId, signal)) sent.set(partNumber, size);
  tell();
  const missing = Array.from({ length: partCount }, (_, at) => at + 1).filter((number) => !sent.has(number));
  const urls = new SignedUrls(api, imageId, missing, signal);

  const sendNext = async (): Promise<void> => {
    for (let number = missing.shift(); number !== undefined; number = missing.shift()) {
      const part = number;
      const body = file.slice((part - 1) * partSize, Math.min(part * partSize, file.size));
      await withRetries(signal, async () => {
        try {
          const url = await urls.of(part);
          await transfer({ method: "PUT", url, body }, (bytes) => (sent.set(part, Math.min(bytes, body.size)), tell()), signal);
        } catch (error) {
          sent.delete(part);
          tell();
          throw urls.renewed(part, error);
        }
        sent.set(part, body.size);
        tell();
      });
    }
  };
  const workers = Array.from({ length: Math.min(atOnce, missing.length) }, sendNext);
  await Promise.all(workers).finally(() => stop.abort());
}

async function storedParts(api: Api, imageId: string, signal: AbortSignal) {
  const query = "query ($imageId: ID!) { uploadedParts(imageId: $imageId) { partNumber size } }";
  type Stored = { uploadedParts: { partNumber: number; size: number }[] };
  return (await api.run<Stored>(query, { imageId }, signal)).uploadedParts;
}

/** URLs of parts, signed a few before they are needed, and again once they have ended. */
class SignedUrls {
  readonly #urls = new Map<number, Promise<string>>();
  readonly #renewed = new Set<number>();

  constructor(
    readonly api: Api,
    readonly imageId: string,
    readonly coming: readonly number[],
    readonly signal: AbortSignal,
  ) {}

  of(part: number): Promise<string> {
    const known = this.#urls.get(part);
    if (known) return known;
    const unsigned = this.coming.filter((number) => !this.#urls.has(number)).slice(0, SIGNED_AT_ONCE - 1);
    const numbers = [part, ...unsigned];
    const signed = this.#sign(numbers);
    for (const number of numbers) {
      const url = signed.then((urls) => urls.get(number) ?? Promise.reject(aborted()));
      // Whoever needs it hears of a failure.
      url.catch(() => this.#urls.delete(number));
      this.#urls.set(number, url);
    }
    return this.#urls.get(part) ?? Promise.reject(aborted());
  }

  /** A URL that the storage refused may have ended: the next try is with another one, once. */
  renewed(part: number, error: unknown): unknown {
    const isRefusal = error instanceof DarkroomError && error.code === EXPIRED && !error.details.isTransient;
    if (!isRefusal || this.#renewed.has(part)) return error;
    this.#renewed.add(part);
    this.#urls.delete(part);
    return new DarkroomError(error.code, error.message, { isTransient: true });
  }

  async #sign(partNumbers: number[]): Promise<Map<number, string>> {
    const input = { imageId: this.imageId, partNumbers };
    type Signed = { parts: { partNumber: number; url: string }[] };
    const signed = this.api.mutate<Signed>("signUploadParts", "SignUploadPartsInput", "parts { partNumber url }", input, this.signal);
    return new Map((await signed).parts.map(({ partNumber, url }) => [partNumber, url]));
  }
}
