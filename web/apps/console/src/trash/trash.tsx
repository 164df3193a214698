// What was deleted and can be had back.

import { useQuery } from "@apollo/client/react";
import { Button } from "react-aria-components";

import { nameOf } from "../gallery/cell";
import { graphql } from "../gql";
import { useAction } from "../parts/action";
import Confirm from "../parts/confirm";
import { Answered, Problem } from "../parts/feedback";
import { words } from "../words";
import { momentInWords, sizeInWords } from "../words/numbers";

const TRASH = graphql(`
  query Trash($after: String) {
    trash(first: 50, after: $after) {
      nodes {
        id
        title
        originalFilename
        fileSize
        purgeAt
        variant(type: THUMBNAIL) {
          url
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);
const RESTORE = graphql(`
  mutation RestoreImage($input: RestoreImageInput!) {
    restoreImage(input: $input) {
      image {
        id
        status
        trashedAt
      }
      userErrors {
        message
      }
    }
  }
`);
const DELETE = graphql(`
  mutation DeleteForGood($input: DeleteImageInput!) {
    deleteImage(input: $input) {
      deletedImageId
      userErrors {
        message
      }
    }
  }
`);

export default function Trash() {
  const trash = useQuery(TRASH, { fetchPolicy: "cache-and-network" });
  const restore = useAction(RESTORE, ["Trash"]);
  const remove = useAction(DELETE, ["Trash"]);
  return (
    <section>
      <h1>{words.trash}</h1>
      <p className="quiet">{words.inTrash}</p>
      <Problem>{restore.problem ?? remove.problem}</Problem>
      <Answered of={trash}>
        {({ trash: { nodes, pageInfo } }) => (
          <>
            {nodes.length === 0 && <p>{words.nothingYet}</p>}
            <ul className="list" aria-label={words.trash}>
              {nodes.map((image) => (
                <li key={image.id}>
                  <img src={image.variant?.url} alt="" width={64} height={64} loading="lazy" />
                  <span>
                    <strong>{nameOf(image)}</strong>
                    <br />
                    <span className="quiet">
                      {sizeInWords(image.fileSize ?? 0)}
                      {image.purgeAt && `, ${words.deletedAfter(momentInWords(image.purgeAt))}`}
                    </span>
                  </span>
                  <span className="actions">
                    <Button aria-label={words.restoreIt(nameOf(image))} onPress={() => void restore.run({ imageId: image.id })}>
                      {words.restore}
                    </Button>
                    <Confirm
                      label={words.deleteForGood}
                      name={words.deleteItForGood(nameOf(image))}
                      onConfirm={() => void remove.run({ imageId: image.id, permanently: true })}
                    />
                  </span>
                </li>
              ))}
            </ul>
            {pageInfo.hasNextPage && (
              <Button onPress={() => void trash.fetchMore({ variables: { after: pageInfo.endCursor ?? null } })}>{words.more}</Button>
            )}
          </>
        )}
      </Answered>
    </section>
  );
}
