// Uploads as state of React: each change of one renders whoever shows it.

import { Darkroom, type DarkroomOptions, type Upload, type UploadDetails, type UploadState } from "@darkroom/client";
import {
  createContext,
  createElement,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";

/** The share of an upload that its file is. */
const SENDING = 0.9;

const Context = createContext<Darkroom | null>(null);

/** Gives the components below it a client. `options` are read once. */
export function DarkroomProvider({ options, children }: { options: DarkroomOptions; children: ReactNode }) {
  const [client] = useState(() => new Darkroom(options));
  useEffect(() => () => client.dispose(), [client]);
  return createElement(Context.Provider, { value: client }, children);
}

/** The client of the nearest `DarkroomProvider`. */
export function useDarkroom(): Darkroom {
  const client = useContext(Context);
  if (!client) throw new Error("There is no DarkroomProvider around this component.");
  return client;
}

/** The present state of an upload. */
export function useUploadState(upload: Upload): UploadState {
  const subscribe = useCallback((listener: () => void) => upload.subscribe(listener), [upload]);
  return useSyncExternalStore(subscribe, () => upload.state);
}

/** How far an upload is, from 0 to 1: the file counts for most of it, its variants for the rest. */
export function useUploadProgress(upload: Upload): number {
  const state = useUploadState(upload);
  switch (state.phase) {
    case "sending":
      return (SENDING * state.bytesUploaded) / Math.max(state.bytesTotal, 1);
    case "processing":
      return SENDING + ((1 - SENDING) * (state.image?.variants.length ?? 0)) / Math.max(state.variantsTotal, 1);
    case "completed":
      return 1;
    default:
      return 0;
  }
}

/** What `useUploads` gives. */
export type Uploads = {
  /** Those that were begun, the latest last. */
  uploads: readonly Upload[];
  /** Begins to upload files. */
  add: (files: Iterable<File>, details: UploadDetails) => Upload[];
  /** Takes an upload off the list; one that is under way is aborted. */
  remove: (upload: Upload) => void;
};

/** Many uploads at once. `onCompleted` is called for each that ends well. */
export function useUploads(onCompleted?: (upload: Upload) => void): Uploads {
  const client = useDarkroom();
  const [uploads, setUploads] = useState<readonly Upload[]>([]);
  const completed = useRef(onCompleted);
  useEffect(() => {
    completed.current = onCompleted;
  });
  const add = useCallback(
    (files: Iterable<File>, details: UploadDetails) => {
      const begun = Array.from(files, (file) => client.upload(file, details));
      for (const upload of begun) {
        const end = upload.subscribe(() => {
          if (upload.state.phase !== "completed") return;
          end();
          completed.current?.(upload);
        });
      }
      setUploads((known) => [...known, ...begun]);
      return begun;
    },
    [client],
  );
  const remove = useCallback((upload: Upload) => {
    void upload.abort();
    setUploads((known) => known.filter((one) => one !== upload));
  }, []);
  return useMemo(() => ({ uploads, add, remove }), [uploads, add, remove]);
}

/** One upload: begin it, follow it, and begin another. */
export function useUpload(): { upload: Upload | null; state: UploadState | null; begin: (file: File, details: UploadDetails) => Upload } {
  const client = useDarkroom();
  const [upload, setUpload] = useState<Upload | null>(null);
  const subscribe = useCallback((listener: () => void) => upload?.subscribe(listener) ?? (() => {}), [upload]);
  const state = useSyncExternalStore(subscribe, () => upload?.state ?? null);
  const begin = useCallback(
    (file: File, details: UploadDetails) => {
      const begun = client.upload(file, details);
      setUpload(begun);
      return begun;
    },
    [client],
  );
  return { upload, state, begin };
}
