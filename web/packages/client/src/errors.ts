// Why something was not done, in words for people and in codes for programs.

/** The codes that this package adds to those of the server's schema (`UserErrorCode`, `ImageFailureCode`, `extensions.code`). */
export type LocalErrorCode =
  /** The server or the storage could not be reached, several times in a row. */
  | "NETWORK"
  /** The answer is none that Darkroom gives: a proxy's page, for example. */
  | "UNEXPECTED_ANSWER"
  /** The storage refused the file or a part of it. */
  | "STORAGE_REFUSED"
  /** The upload was aborted. */
  | "ABORTED";

/** An error with a code that programs can tell apart. */
export class DarkroomError extends Error {
  override readonly name = "DarkroomError";

  constructor(
    /** Such as `FILE_TOO_LARGE` or `NETWORK`. */
    readonly code: LocalErrorCode | (string & {}),
    message: string,
    readonly details: {
      /** The input field that was wrong, such as `["contentType"]`. */
      field?: readonly string[];
      /** After how many seconds to ask again. */
      retryAfter?: number;
      /** Whether the same may succeed a moment later. */
      isTransient?: boolean;
    } = {},
  ) {
    super(message);
  }
}

/** What a caught value is, as an error of ours. */
export function asDarkroomError(error: unknown): DarkroomError {
  if (error instanceof DarkroomError) return error;
  return new DarkroomError("UNEXPECTED_ANSWER", error instanceof Error ? error.message : String(error));
}

export const aborted = () => new DarkroomError("ABORTED", "The upload was aborted.");
