"use client";

import { DarkroomProvider, UploadDropzone, useUpload } from "@darkroom/react";
import { useRouter } from "next/navigation";
import { useEffect } from "react";

type UploaderProps = { url: string; token: string; categoryId: string };

export function Uploader({ url, token, categoryId }: UploaderProps) {
  return (
    <DarkroomProvider options={{ url, token: () => token }}>
      <Upload categoryId={categoryId} />
    </DarkroomProvider>
  );
}

function Upload({ categoryId }: { categoryId: string }) {
  const { state, begin } = useUpload();
  const router = useRouter();
  const isDone = state?.phase === "completed";
  useEffect(() => {
    if (isDone) router.refresh();
  }, [isDone, router]);
  return (
    <UploadDropzone onFiles={([file]) => file && begin(file, { categoryId })}>
      {state?.phase === "sending" && <progress max={state.bytesTotal} value={state.bytesUploaded} />}
      {state?.phase === "failed" && <p role="alert">{state.error.message}</p>}
    </UploadDropzone>
  );
}
