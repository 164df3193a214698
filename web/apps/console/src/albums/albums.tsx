// Albums: one's own, and what others have shared.

import { useQuery } from "@apollo/client/react";
import { Button } from "react-aria-components";
import { Link, useNavigate } from "react-router";

import { nameOf } from "../gallery/cell";
import { graphql } from "../gql";
import { useAction } from "../parts/action";
import { Answered } from "../parts/feedback";
import { ActionForm, Field } from "../parts/fields";
import { words } from "../words";

const ALBUMS = graphql(`
  query Albums($after: String) {
    albums(first: 20, after: $after) {
      nodes {
        id
        name
        description
        imageCount
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);
const SHARED = graphql(`
  query SharedWithMe($after: String) {
    sharedWithMe(first: 50, after: $after) {
      nodes {
        id
        access
        sharedBy {
          id
          email
        }
        album {
          id
          name
        }
        image {
          id
          title
          originalFilename
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);
const CREATE = graphql(`
  mutation CreateAlbum($input: CreateAlbumInput!) {
    createAlbum(input: $input) {
      album {
        id
      }
      userErrors {
        message
      }
    }
  }
`);

export default function Albums() {
  const albums = useQuery(ALBUMS, { fetchPolicy: "cache-and-network" });
  const create = useAction(CREATE, ["Albums"]);
  const navigate = useNavigate();
  return (
    <section>
      <h1>{words.albums}</h1>
      <ActionForm
        label={words.newAlbum}
        action={create}
        input={(form) => ({ name: form.text("name") })}
        onDone={({ createAlbum: { album } }) => album && void navigate(`/albums/${album.id}`)}
      >
        <Field name="name" label={words.name} isRequired maxLength={100} />
      </ActionForm>
      <Answered of={albums}>
        {({ albums: { nodes, pageInfo } }) => (
          <>
            <ul className="list" aria-label={words.albums}>
              {nodes.map(({ id, name, description, imageCount }) => (
                <li key={id}>
                  <span>
                    <Link to={`/albums/${id}`}>{name}</Link> <span className="quiet">{words.imageCount(imageCount)}</span>
                    {description && (
                      <>
                        <br />
                        {description}
                      </>
                    )}
                  </span>
                </li>
              ))}
            </ul>
            {pageInfo.hasNextPage && (
              <Button onPress={() => void albums.fetchMore({ variables: { after: pageInfo.endCursor ?? null } })}>{words.more}</Button>
            )}
          </>
        )}
      </Answered>
      <SharedWithMe />
    </section>
  );
}

function SharedWithMe() {
  const shared = useQuery(SHARED, { fetchPolicy: "cache-and-network" });
  return (
    <>
      <h2>{words.sharedWithMe}</h2>
      <Answered of={shared}>
        {({ sharedWithMe: { nodes, pageInfo } }) => (
          <>
            {nodes.length === 0 && <p className="quiet">{words.nothingYet}</p>}
            <ul className="list" aria-label={words.sharedWithMe}>
              {nodes.map(({ id, access, sharedBy, album, image }) => (
                <li key={id}>
                  <span>
                    {album && <Link to={`/albums/${album.id}`}>{album.name}</Link>}
                    {image && <Link to={`/images/${image.id}`}>{nameOf(image)}</Link>}
                    <br />
                    <span className="quiet">
                      {words.sharedBy(sharedBy.email)}, {access === "EDIT" ? words.mayEdit : words.maySee}
                    </span>
                  </span>
                </li>
              ))}
            </ul>
            {pageInfo.hasNextPage && (
              <Button onPress={() => void shared.fetchMore({ variables: { after: pageInfo.endCursor ?? null } })}>{words.more}</Button>
            )}
          </>
        )}
      </Answered>
    </>
  );
}
