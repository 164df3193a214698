// @darkroom/uppy: an uploader for Uppy 5 and 6. Small files go at once, large ones in parts that are resumed.

import { Darkroom, type DarkroomOptions, type Upload, type UploadDetails } from "@darkroom/client";
import { BasePlugin, type Body, type Meta, type PluginOpts, type Uppy, type UppyFile } from "@uppy/core";

/** Options of the plugin. */
export type DarkroomUploaderOptions<M extends Meta, B extends Body> = PluginOpts &
  DarkroomOptions & {
    /** What the image of a file is to be: its category, and perhaps a title and tags. */
    details: UploadDetails | ((file: UppyFile<M, B>) => UploadDetails);
  };

/** For `uppy.use(DarkroomUploader, { url, token, details })`. `upload-success` has the image as its `body`. */
export class DarkroomUploader<M extends Meta, B extends Body> extends BasePlugin<DarkroomUploaderOptions<M, B>, M, B> {
  readonly #client: Darkroom;
  readonly #uploads = new Map<string, Upload>();

  constructor(uppy: Uppy<M, B>, options: DarkroomUploaderOptions<M, B>) {
    super(uppy, options);
    this.type = "uploader";
    this.id = options.id ?? "DarkroomUploader";
    this.#client = new Darkroom(options);
  }

  override install(): void {
    this.uppy.addUploader(this.#sendAll);
    this.uppy.on("file-removed", this.#abort);
    this.uppy.on("cancel-all", this.#abortAll);
    this.uppy.on("upload-pause", this.#pause);
    this.uppy.on("pause-all", this.#pauseAll);
    this.uppy.on("resume-all", this.#resumeAll);
    this.#canResume(true);
  }

  override uninstall(): void {
    this.uppy.removeUploader(this.#sendAll);
    this.uppy.off("file-removed", this.#abort);
    this.uppy.off("cancel-all", this.#abortAll);
    this.uppy.off("upload-pause", this.#pause);
    this.uppy.off("pause-all", this.#pauseAll);
    this.uppy.off("resume-all", this.#resumeAll);
    this.#canResume(false);
    this.#client.dispose();
  }

  #canResume(resumableUploads: boolean): void {
    const { capabilities } = this.uppy.getState();
    this.uppy.setState({ capabilities: { ...capabilities, resumableUploads } });
  }

  #sendAll = async (ids: string[]): Promise<void> => {
    const files = ids.flatMap((id) => fileOf(this.uppy, id) ?? []).filter((file) => !file.progress.uploadComplete);
    this.uppy.emit("upload-start", files);
    await Promise.allSettled(files.map((file) => this.#send(file)));
  };

  async #send(file: UppyFile<M, B>): Promise<void> {
    const { details } = this.opts;
    const upload = this.#client.upload(asFile(file), typeof details === "function" ? details(file) : details);
    this.#uploads.set(file.id, upload);
    const end = upload.subscribe(() => this.#tell(file.id, upload));
    try {
      await ended(upload);
    } catch (caught) {
      const error = caught instanceof Error ? caught : new Error(String(caught));
      const known = fileOf(this.uppy, file.id);
      if (known) this.uppy.emit("upload-error", known, error);
      throw error;
    } finally {
      end();
      this.#uploads.delete(file.id);
    }
  }

  #tell(id: string, { state }: Upload): void {
    const file = fileOf(this.uppy, id);
    if (!file) return;
    if (state.phase === "sending") {
      const { bytesUploaded, bytesTotal } = state;
      this.uppy.emit("upload-progress", file, { uploadStarted: file.progress.uploadStarted ?? Date.now(), bytesUploaded, bytesTotal });
    }
    if (state.phase === "completed") {
      const url = state.image.variants[0]?.url;
      // Uppy leaves it to its plugins what a body is; the image is what this one has to give.
      const body = state.image as unknown as B;
      this.uppy.emit("upload-success", file, { status: 200, body, ...(url ? { uploadURL: url } : {}) });
    }
  }

  #abort = ({ id }: { id: string }): void => void this.#uploads.get(id)?.abort();
  #abortAll = (): void => {
    for (const upload of this.#uploads.values()) void upload.abort();
  };
  #pause = (file: { id: string } | undefined, isPaused: boolean): void => {
    const upload = file && this.#uploads.get(file.id);
    if (isPaused) upload?.pause();
    else upload?.resume();
  };
  #pauseAll = (): void => {
    for (const upload of this.#uploads.values()) upload.pause();
  };
  #resumeAll = (): void => {
    for (const upload of this.#uploads.values()) upload.resume();
  };
}

/** The end of an upload, over any number of pauses. */
function ended(upload: Upload): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const { state } = upload;
      if (state.phase === "completed") resolve();
      if (state.phase === "failed") reject(state.error);
      if (state.phase === "aborted") reject(new Error("The upload was aborted."));
    };
    upload.subscribe(look);
    look();
  });
}

/** Uppy's types say that every file is there; one that was removed meanwhile is not. */
const fileOf = <M extends Meta, B extends Body>(uppy: Uppy<M, B>, id: string): UppyFile<M, B> | undefined => uppy.getFile(id);

/** Uppy knows the name and the type of what it was given, which may be a bare Blob. */
function asFile<M extends Meta, B extends Body>({ data, name, type }: UppyFile<M, B>): File {
  if (data instanceof File && data.name === name) return data;
  const lastModified = data instanceof File ? data.lastModified : 0;
  return new File([data as Blob], name, { type, lastModified });
}
