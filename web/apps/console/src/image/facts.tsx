// What is known of an image's file, and what the camera wrote into it.

import { words } from "../words";
import { momentInWords, sizeInWords } from "../words/numbers";
import type { ShownImage } from "./image-page";

export function Facts({ image }: { image: ShownImage }) {
  const { metadata } = image;
  const camera = [metadata?.cameraMake, metadata?.cameraModel].filter(Boolean).join(" ");
  const place = metadata?.location && `${metadata.location.latitude.toFixed(4)}, ${metadata.location.longitude.toFixed(4)}`;
  const facts: [string, string | null | undefined][] = [
    [words.file, `${image.originalFilename}, ${image.contentType}${image.fileSize ? `, ${sizeInWords(image.fileSize)}` : ""}`],
    [words.size, image.width && image.height ? words.pixels(image.width, image.height) : null],
    [words.category, image.category.name],
    [words.owner, image.owner.email],
    [words.uploaded, momentInWords(image.createdAt)],
    [words.taken, metadata?.takenAt && momentInWords(metadata.takenAt)],
    [words.camera, camera],
    [words.place, place],
  ];
  return (
    <>
      <dl>
        {facts.map(
          ([name, fact]) =>
            fact && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{fact}</dd>
              </div>
            ),
        )}
      </dl>
      <Exif exif={metadata?.exif} />
    </>
  );
}

function Exif({ exif }: { exif: unknown }) {
  if (typeof exif !== "object" || exif === null || Object.keys(exif).length === 0) return null;
  return (
    <details>
      <summary>{words.metadata}</summary>
      <dl>
        {Object.entries(exif).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{typeof value === "string" ? value : JSON.stringify(value)}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
