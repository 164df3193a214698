// @darkroom/react: hooks and components for uploads to Darkroom and for its images.

export { UploadDropzone, type UploadDropzoneProps } from "./dropzone.js";
export { type CellSize, type GridState, ImageGrid, type ImageGridProps } from "./grid/image-grid.js";
export type { ImagePage, LoadPage } from "./grid/pages.js";
export { DarkroomImage, type DarkroomImageProps, type DarkroomPicture, previewOf } from "./image.js";
export { DarkroomProvider, type Uploads, useDarkroom, useUpload, useUploadProgress, useUploadState, useUploads } from "./uploads.js";
export { typePolicies } from "./apollo.js";
export { keys } from "./graphcache.js";
export { scalars } from "./codegen.js";
