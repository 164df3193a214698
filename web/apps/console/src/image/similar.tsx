// Images that look alike, and the one that is the same file.

import { Link } from "react-router";

import { nameOf } from "../gallery/cell";
import { words } from "../words";
import type { ShownImage } from "./image-page";

/** In pixels. */
const SIDE = 110;

export function Similar({ image: { duplicateOf, similar } }: { image: ShownImage }) {
  return (
    <>
      {duplicateOf && (
        <p>
          {words.duplicateOf} <Link to={`/images/${duplicateOf.id}`}>{nameOf(duplicateOf)}</Link>
        </p>
      )}
      {similar.length > 0 && (
        <>
          <h2>{words.similar}</h2>
          <ul className="similar" aria-label={words.similar}>
            {similar.map((image) => (
              <li key={image.id}>
                <Link to={`/images/${image.id}`} aria-label={nameOf(image)}>
                  <img
                    srcSet={image.srcSet}
                    sizes={`${SIDE}px`}
                    alt={image.altText || nameOf(image)}
                    width={SIDE}
                    height={SIDE}
                    loading="lazy"
                  />
                </Link>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}
