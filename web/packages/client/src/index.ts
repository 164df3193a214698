// @darkroom/client: uploads files to Darkroom. Knows no framework.

import { Api, type TokenSource } from "./api.js";
import { Live } from "./live.js";
import { Slots } from "./slots.js";
import { Upload, type UploadContext, type UploadDetails } from "./upload.js";

export type { TokenSource } from "./api.js";
export { DarkroomError, type LocalErrorCode } from "./errors.js";
export type { LiveImage, ReadyVariant } from "./live.js";
export type { Resize } from "./resize.js";
export { Session, type SessionUser, type SignInProvider } from "./session.js";
export type { Upload, UploadDetails, UploadState } from "./upload.js";

const MIB = 1024 * 1024;

/** What a client is made of. */
export type DarkroomOptions = {
  /** The address of the API: `https://images.example.com/graphql`. */
  url: string | URL;
  /** Who asks: a function that gives an access token, such as `session.token`. */
  token: TokenSource;
  /** How many files are sent at once: 3 unless told otherwise. */
  filesAtOnce?: number;
  /** How many parts of a file are sent at once: 4 unless told otherwise. */
  partsAtOnce?: number;
  /** In bytes: files of this size and more are sent in parts, which can be resumed. 16 MiB unless told otherwise. */
  partsFrom?: number;
};

/** Uploads files to one server. */
export class Darkroom {
  readonly #context: UploadContext;

  constructor({ url, token, filesAtOnce = 3, partsAtOnce = 4, partsFrom = 16 * MIB }: DarkroomOptions) {
    const api = new Api(new URL(url, globalThis.location.href), token);
    this.#context = { api, live: new Live(api), files: new Slots(filesAtOnce), partsFrom, partsAtOnce };
  }

  /** Begins to upload a file. */
  upload(file: File, details: UploadDetails): Upload {
    return new Upload(file, details, this.#context);
  }

  /** Closes the WebSocket. Uploads that are being processed are asked about instead. */
  dispose(): void {
    this.#context.live.dispose();
  }
}
