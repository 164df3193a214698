// One upload: how far it is, what is to be done where it failed, and its variants as they come.

import type { Upload, UploadState } from "@darkroom/client";
import { useUploadState } from "@darkroom/react";
import { Button, ProgressBar } from "react-aria-components";
import { Link } from "react-router";

import { Problem } from "../parts/feedback";
import { words } from "../words";
import { sizeInWords } from "../words/numbers";

export function UploadRow({ upload, onRemove }: { upload: Upload; onRemove: (upload: Upload) => void }) {
  const state = useUploadState(upload);
  const { name, size } = upload.file;
  return (
    <li data-phase={state.phase}>
      <div className="title">
        <strong>{name}</strong> <span className="quiet">{sizeInWords(size)}</span>
        <Actions upload={upload} state={state} onRemove={onRemove} />
      </div>
      <ProgressBar aria-label={words.uploadOf(name)} value={percentOf(state)} valueLabel={inWords(state)}>
        {({ percentage, valueText }) => (
          <>
            <div className="bar">
              <div style={{ width: `${percentage ?? 0}%` }} />
            </div>
            <span className="quiet">{valueText}</span>
          </>
        )}
      </ProgressBar>
      {state.phase === "failed" && (
        <Problem>
          {state.error.message} {words.advice[state.error.code]}
        </Problem>
      )}
      <Variants state={state} />
    </li>
  );
}

function Actions({ upload, state, onRemove }: { upload: Upload; state: UploadState; onRemove: (upload: Upload) => void }) {
  const { name } = upload.file;
  const removal = ["completed", "failed", "aborted"].includes(state.phase) ? words.dismiss : words.cancel;
  return (
    <span className="actions">
      {state.phase === "sending" && (
        <Button aria-label={`${words.pause} ${name}`} onPress={() => upload.pause()}>
          {words.pause}
        </Button>
      )}
      {state.phase === "paused" && (
        <Button aria-label={`${words.resume} ${name}`} onPress={() => upload.resume()}>
          {words.resume}
        </Button>
      )}
      {state.phase === "failed" && state.canRetry && (
        <Button aria-label={`${words.retry} ${name}`} onPress={() => upload.retry()}>
          {words.retry}
        </Button>
      )}
      {state.phase === "completed" && (
        <Link to={`/images/${state.imageId}`} aria-label={`${words.open} ${name}`}>
          {words.open}
        </Link>
      )}
      <Button aria-label={`${removal} ${name}`} onPress={() => onRemove(upload)}>
        {removal}
      </Button>
    </span>
  );
}

function Variants({ state }: { state: UploadState }) {
  const image = state.phase === "processing" || state.phase === "completed" ? state.image : null;
  if (!image?.variants.length) return null;
  return (
    <ul className="variants" aria-label={words.variants}>
      {image.variants.map(({ name, url, width, height }) => (
        <li key={name}>
          <img src={url} alt="" width={48} height={48} loading="lazy" />
          <span>
            {name}{" "}
            <span className="quiet">
              {width}×{height}
            </span>
          </span>
        </li>
      ))}
    </ul>
  );
}

function percentOf(state: UploadState): number {
  if (state.phase === "sending") return (100 * state.bytesUploaded) / state.bytesTotal;
  return state.phase === "processing" || state.phase === "completed" ? 100 : 0;
}

function inWords(state: UploadState): string {
  switch (state.phase) {
    case "sending":
      return words.bytesOf(sizeInWords(state.bytesUploaded), sizeInWords(state.bytesTotal));
    case "processing":
      return state.image?.variants.length ? words.makingVariants(state.image.variants.length, state.variantsTotal) : words.checking;
    case "completed":
      return words.done;
    case "aborted":
      return words.cancelled;
    default:
      return words[state.phase];
  }
}
