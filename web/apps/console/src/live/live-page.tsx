// What happens now: each change of an image that one may see.

import { Link } from "react-router";

import { nameOf } from "../gallery/cell";
import { words } from "../words";
import { momentInWords } from "../words/numbers";
import { useChanges } from "./changes";

export default function LivePage() {
  const { latest } = useChanges();
  return (
    <section className="live">
      <h1>{words.live}</h1>
      <p className="quiet">{words.liveExplained}</p>
      {latest.length === 0 && <p role="status">{words.waitingForChanges}</p>}
      <ol aria-label={words.live} aria-live="polite">
        {latest.map(({ cursor, kind, happenedAt, imageId, image }) => (
          <li key={cursor}>
            {image?.srcSet ? (
              <img srcSet={image.srcSet} sizes="48px" alt="" width={48} height={48} loading="lazy" />
            ) : (
              <span className="missing" />
            )}
            <span>
              {image ? <Link to={`/images/${imageId}`}>{nameOf(image)}</Link> : words.anImage} {words.changes[kind]}
              <br />
              <small className="quiet">
                <time dateTime={happenedAt}>{momentInWords(happenedAt)}</time>
                {image && `, ${image.owner.email}`}
              </small>
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
