// What a page with Uppy has: bundled once with each version that the adapter is for.

export { default as Uppy } from "@uppy/core";
export { DarkroomUploader } from "@darkroom/uppy";
