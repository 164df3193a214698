// What becomes of an upload once its file is there: told over a WebSocket, and asked for where there is none.

import { type Client, createClient } from "graphql-ws";

import type { Api } from "./api.js";
import { DarkroomError } from "./errors.js";
import { delay } from "./retries.js";

/** In milliseconds: between questions, where no WebSocket gets through. */
const POLL = 2000;
/** In milliseconds: how long a socket may be unused before it is closed. */
const IDLE = 10_000;

/** A variant that is ready. */
export type ReadyVariant = { type: string; name: string; url: string; width: number; height: number };

/** An image while it is processed, and afterwards. */
export type LiveImage = {
  id: string;
  status: string;
  title: string;
  width: number | null;
  height: number | null;
  placeholder: string | null;
  variants: ReadyVariant[];
  failure: { code: string; message: string } | null;
};

const IMAGE = `id status title width height placeholder
  variants { type name url width height } failure { code message }`;
const WATCH = `subscription ($imageId: ID!) { uploadProgress(imageId: $imageId) { variantsTotal image { ${IMAGE} } } }`;
const ASK = `query ($imageId: ID!) { image(id: $imageId) { ${IMAGE} } }`;

/** Calls back with each state of an image, until it ends. */
export class Live {
  readonly #api: Api;
  readonly #socket: Client;

  constructor(api: Api) {
    this.#api = api;
    const url = new URL(api.url);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.#socket = createClient({
      url: url.href,
      lazyCloseTimeout: IDLE,
      retryAttempts: 5,
      connectionParams: async () => {
        const token = await api.token(false);
        return token ? { authorization: `Bearer ${token}` } : {};
      },
    });
  }

  /** Watches an image until it is COMPLETED, FAILED or gone. Gives its last state, or nothing where it was deleted. */
  async watch(imageId: string, onState: (image: LiveImage, variantsTotal: number) => void, signal: AbortSignal): Promise<LiveImage | null> {
    const told = await this.#listen(imageId, onState, signal).catch((error: unknown) => {
      if (signal.aborted) throw error;
      return undefined;
    });
    if (told && isOver(told)) return told;
    for (;;) {
      const { image } = await this.#api.run<{ image: LiveImage | null }>(ASK, { imageId }, signal);
      if (!image || isOver(image)) return image;
      onState(image, 0);
      await delay(POLL, signal);
    }
  }

  /** Ends all subscriptions. */
  dispose(): void {
    void this.#socket.dispose();
  }

  #listen(
    imageId: string,
    onState: (image: LiveImage, variantsTotal: number) => void,
    signal: AbortSignal,
  ): Promise<LiveImage | undefined> {
    return new Promise((resolve, reject) => {
      let last: LiveImage | undefined;
      type Told = { uploadProgress: { variantsTotal: number; image: LiveImage } };
      const end = this.#socket.subscribe<Told>(
        { query: WATCH, variables: { imageId } },
        {
          next: ({ data, errors }) => {
            if (errors?.[0]) return reject(new DarkroomError("UNEXPECTED_ANSWER", errors[0].message));
            if (!data) return;
            last = data.uploadProgress.image;
            onState(last, data.uploadProgress.variantsTotal);
          },
          error: reject,
          complete: () => {
            signal.removeEventListener("abort", end);
            resolve(last);
          },
        },
      );
      signal.addEventListener("abort", end, { once: true });
    });
  }
}

const isOver = (image: LiveImage) => image.status === "COMPLETED" || image.status === "FAILED" || image.status === "CANCELLED";
