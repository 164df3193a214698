// A picture that takes its room at once: its blurred preview first, then the variant that fits.

import { type CSSProperties, useEffect, useState } from "react";
import { thumbHashToDataURL } from "thumbhash";

/** What is asked of the server for a picture: `image(id: …) { title altText width height placeholder srcSet variants { … } }`. */
export type DarkroomPicture = {
  title: string;
  altText: string;
  width?: number | null;
  height?: number | null;
  placeholder?: string | null;
  srcSet: string;
  /** For browsers that read no `srcset`. */
  url?: string | null;
};

export type DarkroomImageProps = {
  image: DarkroomPicture;
  /** The `sizes` of the `<img>`: how wide it is shown. Example: `(max-width: 600px) 100vw, 300px`. */
  sizes: string;
  /** Whether it is seen as soon as the page is; otherwise it is loaded once it comes near. */
  isUrgent?: boolean;
  className?: string;
  style?: CSSProperties;
};

export function DarkroomImage({ image, sizes, isUrgent = false, className, style }: DarkroomImageProps) {
  const [isLoaded, setLoaded] = useState(false);
  const preview = usePreview(image.placeholder, isLoaded);
  const background = preview && !isLoaded ? { backgroundImage: `url(${preview})`, backgroundSize: "cover" } : {};
  const ratio = image.width && image.height ? { aspectRatio: `${image.width} / ${image.height}` } : {};
  return (
    <img
      alt={image.altText || image.title}
      // Browsers choose a picture anew at each of these that follows `srcset`.
      loading={isUrgent ? "eager" : "lazy"}
      decoding="async"
      sizes={sizes}
      srcSet={image.srcSet}
      src={image.url ?? undefined}
      onLoad={() => setLoaded(true)}
      className={className}
      style={{ ...ratio, ...background, ...style }}
    />
  );
}

/** The preview, made when there is nothing better to do: many pictures come into sight at once where somebody scrolls fast. */
function usePreview(placeholder: string | null | undefined, isLoaded: boolean): string | null {
  const [preview, setPreview] = useState<string | null>(null);
  useEffect(() => {
    if (isLoaded || !placeholder) return;
    return whenIdle(() => setPreview(previewOf(placeholder)));
  }, [placeholder, isLoaded]);
  return preview;
}

/** Safari has no idle callbacks. */
function whenIdle(act: () => void): () => void {
  if ("requestIdleCallback" in window) {
    const handle = window.requestIdleCallback(act);
    return () => window.cancelIdleCallback(handle);
  }
  const handle = setTimeout(act, 50);
  return () => clearTimeout(handle);
}

/** The preview of a ThumbHash in base64, as a URL. */
export function previewOf(placeholder: string | null | undefined): string | null {
  if (!placeholder) return null;
  return thumbHashToDataURL(Uint8Array.from(atob(placeholder), (character) => character.charCodeAt(0)));
}
