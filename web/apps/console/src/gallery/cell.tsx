// One image of a list: its picture, which leads to its page, and a box to select it by.

import { type CellSize, DarkroomImage } from "@darkroom/react";
import { Link } from "react-router";

import { graphql } from "../gql";
import type { CellFragment } from "../gql/graphql";
import { words } from "../words";

/** What a list has to ask for, so that its images can be shown. */
graphql(`
  fragment Cell on Image {
    id
    title
    altText
    status
    width
    height
    placeholder
    srcSet
    originalFilename
  }
`);

type CellProps = {
  image: CellFragment;
  size: CellSize;
  /** Null where nothing can be selected. */
  selection?: { isSelected: boolean; onChange: (isSelected: boolean) => void };
};

export const nameOf = ({ title, originalFilename }: { title: string; originalFilename: string }) => title || originalFilename;

export function Cell({ image, size, selection }: CellProps) {
  const name = nameOf(image);
  return (
    <figure data-status={image.status}>
      <Link to={`/images/${image.id}`} aria-label={name}>
        {image.srcSet ? (
          <DarkroomImage image={image} sizes={`${size.width}px`} style={{ height: size.height }} />
        ) : (
          <span className="missing">{words.statuses[image.status]}</span>
        )}
      </Link>
      {selection && (
        <input
          type="checkbox"
          aria-label={words.select(name)}
          checked={selection.isSelected}
          onChange={(event) => selection.onChange(event.target.checked)}
        />
      )}
    </figure>
  );
}
