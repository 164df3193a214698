// A place to drop files, and a button to choose them.

import { type ReactNode, useRef } from "react";
import { useDropzone } from "react-dropzone";

export type UploadDropzoneProps = {
  /** Called with what was dropped or chosen; folders have been looked into. */
  onFiles: (files: File[]) => void;
  /** What the button says. */
  label?: string;
  /** What the button for a whole folder says. Without it, there is none. */
  folderLabel?: string;
  /** What is beside the buttons. */
  children?: ReactNode;
  className?: string;
};

export function UploadDropzone({ onFiles, label = "Choose files", folderLabel, children, className }: UploadDropzoneProps) {
  const { getRootProps, getInputProps, isDragActive, open } = useDropzone({ onDrop: onFiles, noClick: true, noKeyboard: true });
  return (
    <div {...getRootProps({ className, role: undefined, tabIndex: undefined })} data-active={isDragActive || undefined}>
      <input {...getInputProps({ "aria-label": label, "aria-hidden": true })} />
      <button type="button" onClick={open}>
        {label}
      </button>
      {folderLabel && <FolderButton label={folderLabel} onFiles={onFiles} />}
      {children}
    </div>
  );
}

function FolderButton({ label, onFiles }: { label: string; onFiles: (files: File[]) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        {...{ webkitdirectory: "" }}
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])]);
          event.target.value = "";
        }}
      />
      <button type="button" onClick={() => input.current?.click()}>
        {label}
      </button>
    </>
  );
}
