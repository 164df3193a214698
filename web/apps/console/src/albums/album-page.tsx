// One album: its images, and who sees it.

import { useApolloClient, useQuery } from "@apollo/client/react";
import { ImageGrid } from "@darkroom/react";
import { useCallback, useState } from "react";
import { Button } from "react-aria-components";
import { useNavigate, useParams } from "react-router";

import { Cell } from "../gallery/cell";
import { graphql } from "../gql";
import type { AlbumQuery } from "../gql/graphql";
import { useChanges } from "../live/changes";
import { useAction } from "../parts/action";
import Confirm from "../parts/confirm";
import { Answered, Problem } from "../parts/feedback";
import { Sharing } from "../sharing/sharing";
import { session } from "../session";
import { words } from "../words";

const ALBUM = graphql(`
  query Album($id: ID!) {
    album(id: $id) {
      id
      name
      description
      imageCount
      owner {
        id
        email
      }
      shares {
        ...SharedWith
      }
      shareLinks {
        ...SharedByLink
      }
    }
  }
`);
const IMAGES = graphql(`
  query AlbumImages($id: ID!, $after: String) {
    album(id: $id) {
      id
      images(first: 60, after: $after) {
        nodes {
          ...Cell
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`);
const REMOVE = graphql(`
  mutation RemoveImagesFromAlbum($input: RemoveImagesFromAlbumInput!) {
    removeImagesFromAlbum(input: $input) {
      album {
        id
        imageCount
      }
      userErrors {
        message
      }
    }
  }
`);
const DELETE = graphql(`
  mutation DeleteAlbum($input: DeleteAlbumInput!) {
    deleteAlbum(input: $input) {
      deletedAlbumId
      userErrors {
        message
      }
    }
  }
`);

export default function AlbumPage() {
  const { id = "" } = useParams();
  const answer = useQuery(ALBUM, { variables: { id }, fetchPolicy: "cache-and-network" });
  return <Answered of={answer}>{({ album }) => (album ? <Shown key={id} album={album} /> : <p>{words.noSuchAlbum}</p>)}</Answered>;
}

function Shown({ album }: { album: NonNullable<AlbumQuery["album"]> }) {
  const { id } = album;
  const client = useApolloClient();
  const { version, outdate } = useChanges();
  const navigate = useNavigate();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const takeOut = useAction(REMOVE);
  const deletion = useAction(DELETE, ["Albums"]);
  const load = useCallback(
    async (after: string | null) => {
      const { data } = await client.query({ query: IMAGES, variables: { id, after }, fetchPolicy: "no-cache" });
      if (!data?.album) throw new Error(words.noSuchAlbum);
      return data.album.images;
    },
    [client, id],
  );
  const isOwn = album.owner.id === session.user?.id;
  const onTakeOut = async () => {
    if (!(await takeOut.run({ albumId: id, imageIds: [...selected] }))) return;
    setSelected(new Set());
    outdate();
  };
  const onDelete = async () => {
    if (await deletion.run({ albumId: id })) await navigate("/albums");
  };
  const select = (imageId: string, isSelected: boolean) =>
    setSelected((before) => new Set(isSelected ? [...before, imageId] : [...before].filter((one) => one !== imageId)));
  return (
    <section className="gallery">
      <h1>
        {album.name} <span className="quiet">{words.imageCount(album.imageCount)}</span>
      </h1>
      {album.description && <p>{album.description}</p>}
      {selected.size > 0 && (
        <div className="selection">
          <strong>{words.selected(selected.size)}</strong>
          <Button onPress={() => void onTakeOut()}>{words.removeFromAlbum}</Button>
          <Button onPress={() => setSelected(new Set())}>{words.clear}</Button>
        </div>
      )}
      <Problem>{takeOut.problem ?? deletion.problem}</Problem>
      <ImageGrid load={load} version={version} label={album.name}>
        {(image, size) => (
          <Cell
            image={image}
            size={size}
            {...(isOwn && { selection: { isSelected: selected.has(image.id), onChange: (is: boolean) => select(image.id, is) } })}
          />
        )}
      </ImageGrid>
      {isOwn && (
        <>
          <Sharing target={{ albumId: id }} shares={album.shares} links={album.shareLinks} refetched="Album" />
          <Confirm label={words.deleteAlbum} explanation={<p>{words.deleteAlbumExplained}</p>} onConfirm={() => void onDelete()} />
        </>
      )}
    </section>
  );
}
