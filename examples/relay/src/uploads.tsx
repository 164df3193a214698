// Pictures that are on their way.

import type { Upload } from "@darkroom/client";
import { useUploadProgress, useUploadState } from "@darkroom/react";

export function Progress({ upload }: { upload: Upload }) {
  const state = useUploadState(upload);
  const progress = useUploadProgress(upload);
  return (
    <li>
      {upload.file.name} <progress value={progress} /> {state.phase === "failed" ? state.error.message : state.phase}
    </li>
  );
}
