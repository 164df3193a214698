// One file, from the moment it is chosen until its variants are there.

import type { Api } from "./api.js";
import { DarkroomError, aborted, asDarkroomError } from "./errors.js";
import type { Live, LiveImage } from "./live.js";
import { fingerprint, forget, keyOf } from "./memory.js";
import { sendParts } from "./parts.js";
import { type Resize, resized } from "./resize.js";
import { withRetries } from "./retries.js";
import type { Slots } from "./slots.js";
import { EXPIRED, type Transfer, transfer } from "./transfer.js";

/** Where an upload is. */
export type UploadState =
  /** For a slot, or for its ticket. */
  | { phase: "waiting" }
  | { phase: "sending"; imageId: string; bytesUploaded: number; bytesTotal: number }
  /** `resume` goes on: where it stopped if the file goes in parts, from its beginning otherwise. */
  | { phase: "paused"; imageId: string | null }
  /** The file is there, is checked, and its variants are made. */
  | { phase: "processing"; imageId: string; image: LiveImage | null; variantsTotal: number }
  | { phase: "completed"; imageId: string; image: LiveImage }
  /** `retry` tries again, where that may help. */
  | { phase: "failed"; imageId: string | null; error: DarkroomError; canRetry: boolean }
  | { phase: "aborted" };

/** What an image is to be, beside its file. */
export type UploadDetails = {
  categoryId: string;
  title?: string;
  altText?: string;
  description?: string;
  tags?: readonly string[];
  /** Makes the picture smaller first. */
  resize?: Resize;
};

/** What an upload works with. */
export type UploadContext = {
  api: Api;
  live: Live;
  files: Slots;
  /** In bytes: files of this size and more go in parts. */
  partsFrom: number;
  partsAtOnce: number;
};

type Ticket = {
  image: { id: string };
  method: "POST" | "PUT";
  url: string;
  headers: { name: string; value: string }[];
  fields: { name: string; value: string }[];
};
const TICKET = "upload { image { id } method url headers { name value } fields { name value } }";

/** Errors that the same file meets again. */
const FINAL = /^(FILE_|EXTENSION_|UNSUPPORTED_|INVALID_|CATEGORY_|TOO_LONG)/;

/** An upload that was begun. */
export class Upload {
  readonly id = crypto.randomUUID();
  /** Resolves with the image once it is COMPLETED; rejects once it has FAILED, was aborted, or could not be sent. After `retry`, ask again. */
  done: Promise<LiveImage>;
  #state: UploadState = { phase: "waiting" };
  #stop = new AbortController();
  #imageId: string | null = null;
  readonly #listeners = new Set<() => void>();

  constructor(
    readonly file: File,
    readonly details: UploadDetails,
    readonly context: UploadContext,
  ) {
    this.done = this.#begin();
  }

  /** The present state: another object after each change, and the same one until then. */
  get state(): UploadState {
    return this.#state;
  }

  /** Calls back after each change; the function that it gives ends that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Stops sending, until `resume`. Does nothing once the file is there. */
  pause(): void {
    if (this.#state.phase !== "sending" && this.#state.phase !== "waiting") return;
    this.#set({ phase: "paused", imageId: this.#imageId });
    this.#stop.abort();
  }

  /** Goes on after `pause`. */
  resume(): void {
    if (this.#state.phase === "paused") this.#again();
  }

  /** Tries again after a failure. */
  retry(): void {
    if (this.#state.phase !== "failed") return;
    // What was refused once it was there is sent anew.
    if (this.#state.error.code !== "NETWORK" && this.#state.error.code !== EXPIRED) this.#imageId = null;
    this.#again();
  }

  /** Ends it, and has the server forget what was sent. */
  async abort(): Promise<void> {
    if (this.#state.phase === "completed" || this.#state.phase === "aborted") return;
    this.#set({ phase: "aborted" });
    this.#stop.abort();
    const imageId = this.#imageId;
    await forget(this.#print());
    if (!imageId) return;
    // Whoever is offline leaves it to the server, which forgets it later.
    const cancelled = this.context.api.mutate(
      "cancelUpload",
      "CancelUploadInput",
      "cancelledImageId",
      { imageId },
      new AbortController().signal,
    );
    await cancelled.catch(() => undefined);
  }

  #again(): void {
    this.#stop = new AbortController();
    this.#set({ phase: "waiting" });
    this.done = this.#begin();
  }

  #begin(): Promise<LiveImage> {
    const { signal } = this.#stop;
    const done = this.#run(signal).catch((caught: unknown) => {
      const error = signal.aborted ? aborted() : asDarkroomError(caught);
      if (!signal.aborted) {
        const canRetry = !FINAL.test(error.code);
        this.#set({ phase: "failed", imageId: this.#imageId, error, canRetry });
      }
      throw error;
    });
    // Whoever follows the state need not follow the promise, too.
    done.catch(() => undefined);
    return done;
  }

  async #run(signal: AbortSignal): Promise<LiveImage> {
    const imageId = await this.context.files.run(async () => {
      if (signal.aborted) throw aborted();
      const file = this.details.resize ? await resized(this.file, this.details.resize) : this.file;
      const send = file.size >= this.context.partsFrom ? this.#sendInParts : this.#sendAtOnce;
      const sent = await send.call(this, file, signal);
      await this.#complete(sent, signal);
      return sent;
    });
    this.#set({ phase: "processing", imageId, image: null, variantsTotal: 0 });
    await forget(this.#print());
    const onState = (image: LiveImage, variantsTotal: number) => this.#set({ phase: "processing", imageId, image, variantsTotal });
    const image = await this.context.live.watch(imageId, onState, signal);
    if (!image) throw new DarkroomError("IMAGE_NOT_FOUND", "The image was deleted meanwhile.");
    if (image.status !== "COMPLETED") {
      const { code, message } = image.failure ?? { code: image.status, message: `The upload is ${image.status}.` };
      throw new DarkroomError(code, message);
    }
    this.#set({ phase: "completed", imageId, image });
    return image;
  }

  async #sendAtOnce(file: File, signal: AbortSignal): Promise<string> {
    let ticket = this.#imageId
      ? await this.#renew(signal)
      : await this.#request<{ upload: Ticket }>("requestUpload", "RequestUploadInput", TICKET, file, this.id, signal);
    this.#imageId = ticket.upload.image.id;
    let renewals = 0;
    await withRetries(signal, async () => {
      this.#progress(0, file.size);
      try {
        await transfer(toTransfer(ticket.upload, file), (bytes) => this.#progress(bytes, file.size), signal);
      } catch (error) {
        const isRefused = error instanceof DarkroomError && error.code === EXPIRED && !error.details.isTransient;
        if (!isRefused || renewals++ > 0) throw error;
        ticket = await this.#renew(signal);
        throw new DarkroomError(error.code, error.message, { isTransient: true });
      }
    });
    return ticket.upload.image.id;
  }

  #renew(signal: AbortSignal): Promise<{ upload: Ticket }> {
    return this.context.api.mutate("renewUpload", "RenewUploadInput", TICKET, { imageId: this.#imageId }, signal);
  }

  async #sendInParts(file: File, signal: AbortSignal): Promise<string> {
    type Begun = { multipartUpload: { image: { id: string }; partSize: number; partCount: number } };
    const selection = "multipartUpload { image { id } partSize partCount }";
    const request = async () =>
      this.#request<Begun>("requestMultipartUpload", "RequestMultipartUploadInput", selection, file, await keyOf(this.#print()), signal);
    const begun = await request().catch(async (error: unknown) => {
      // What was begun before the page was loaded anew has ended meanwhile.
      if (!(error instanceof DarkroomError) || error.code !== "INVALID_STATE") throw error;
      await forget(this.#print());
      return request();
    });
    const { image, partSize, partCount } = begun.multipartUpload;
    this.#imageId = image.id;
    const layout = { imageId: image.id, partSize, partCount };
    const onProgress = (bytes: number) => this.#progress(bytes, file.size);
    await sendParts(this.context.api, file, layout, this.context.partsAtOnce, onProgress, signal);
    return image.id;
  }

  #request<T>(field: string, type: string, selection: string, file: File, idempotencyKey: string, signal: AbortSignal) {
    const { categoryId } = this.details;
    const input = { filename: file.name, contentType: file.type, fileSize: file.size, categoryId, idempotencyKey };
    return this.context.api.mutate<T>(field, type, selection, input, signal);
  }

  async #complete(imageId: string, signal: AbortSignal): Promise<void> {
    const { title, altText, description, tags } = this.details;
    const input = { imageId, title, altText, description, tags };
    await this.context.api.mutate("completeUpload", "CompleteUploadInput", "image { id }", input, signal);
  }

  #progress(bytes: number, bytesTotal: number): void {
    if (!this.#imageId || this.#stop.signal.aborted) return;
    const bytesUploaded = Math.min(bytes, bytesTotal);
    this.#set({ phase: "sending", imageId: this.#imageId, bytesUploaded, bytesTotal });
  }

  #print = () => fingerprint(this.context.api.url, this.file, this.details.categoryId);

  #set(state: UploadState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

function toTransfer({ method, url, headers, fields }: Ticket, file: File): Transfer {
  if (method === "PUT") return { method, url, headers, body: file };
  const form = new FormData();
  for (const { name, value } of fields) form.append(name, value);
  form.append("file", file);
  return { method, url, headers, body: form };
}
