// A picture made smaller before it is sent, where the network is what is scarce.

export type Resize = {
  /** In pixels: the longest side that is sent. Smaller pictures are sent as they are. */
  longestSide: number;
  /** `image/jpeg` unless told otherwise. */
  type?: "image/jpeg" | "image/webp";
  /** From 0 to 1; 0.85 unless told otherwise. */
  quality?: number;
};

/** What browsers decode and encode without loss of what matters: not animations, not vectors. */
const RESIZABLE = new Set(["image/jpeg", "image/png", "image/webp"]);

/** The file, made smaller if it is larger than that. What the browser cannot decode is sent as it is. */
export async function resized(file: File, { longestSide, type = "image/jpeg", quality = 0.85 }: Resize): Promise<File> {
  if (!RESIZABLE.has(file.type)) return file;
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) return file;
  try {
    const scale = longestSide / Math.max(bitmap.width, bitmap.height);
    if (scale >= 1) return file;
    const canvas = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
    const context = canvas.getContext("2d");
    if (!context) return file;
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const blob = await canvas.convertToBlob({ type, quality });
    const stem = file.name.replace(/\.[^.]+$/, "");
    const extension = blob.type === "image/webp" ? "webp" : blob.type === "image/png" ? "png" : "jpg";
    return new File([blob], `${stem}.${extension}`, { type: blob.type, lastModified: file.lastModified });
  } finally {
    bitmap.close();
  }
}
