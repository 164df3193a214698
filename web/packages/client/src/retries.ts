// Trying again after what passes by itself: a network that comes and goes, a server that restarts, a limit of requests.

import { DarkroomError, aborted } from "./errors.js";

const MOST_TRIES = 6;
/** In milliseconds: before the second try; twice as long before each one after that. */
const FIRST_DELAY = 500;

/** Resolves after some milliseconds. Rejects at once when the signal is aborted. */
export function delay(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(aborted());
    const end = () => {
      clearTimeout(timer);
      reject(aborted());
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", end);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", end, { once: true });
  });
}

/** Resolves once the browser is online. */
async function whenOnline(signal: AbortSignal): Promise<void> {
  while (!navigator.onLine) await delay(FIRST_DELAY, signal);
}

/** Does something until it succeeds, or fails for a reason that will not pass, or has failed too often. */
export async function withRetries<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    if (signal.aborted) throw aborted();
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof DarkroomError && error.details.isTransient) || tries >= MOST_TRIES) throw error;
      await whenOnline(signal);
      // Not all clients of a server that was away come back in the same moment.
      const jitter = 0.5 + Math.random();
      const asked = (error.details.retryAfter ?? 0) * 1000;
      await delay(Math.max(asked, FIRST_DELAY * 2 ** (tries - 1)) * jitter, signal);
    }
  }
}
