// One image: the picture, what is known of it, and what can be done with it.

import { useQuery } from "@apollo/client/react";
import { DarkroomImage } from "@darkroom/react";
import { Suspense, lazy } from "react";
import { useParams } from "react-router";

import { nameOf } from "../gallery/cell";
import { graphql } from "../gql";
import type { ImageQuery } from "../gql/graphql";
import { Answered } from "../parts/feedback";
import { session } from "../session";
import { Sharing } from "../sharing/sharing";
import { words } from "../words";
import { Actions } from "./actions";
import { DetailsForm } from "./details-form";
import { Facts } from "./facts";
import { History } from "./history";
import { Similar } from "./similar";
import { Variants } from "./variants";

const WorldMap = lazy(() => import("./world-map"));

const IMAGE = graphql(`
  query Image($id: ID!) {
    image(id: $id) {
      id
      title
      altText
      description
      tags
      status
      width
      height
      placeholder
      srcSet
      fileSize
      contentType
      originalFilename
      createdAt
      url
      owner {
        id
        email
      }
      category {
        id
        name
      }
      failure {
        code
        message
      }
      metadata {
        takenAt
        cameraMake
        cameraModel
        location {
          latitude
          longitude
        }
        notes
        exif
      }
      variants {
        name
        type
        url
        width
        height
        fileSize
        contentType
      }
      duplicateOf {
        id
        title
        originalFilename
      }
      similar(first: 12) {
        ...Cell
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

export type ShownImage = NonNullable<ImageQuery["image"]>;

export default function ImagePage() {
  const { id = "" } = useParams();
  const answer = useQuery(IMAGE, { variables: { id }, fetchPolicy: "cache-and-network" });
  return <Answered of={answer}>{({ image }) => (image ? <Shown key={id} image={image} /> : <p>{words.noSuchImage}</p>)}</Answered>;
}

function Shown({ image }: { image: ShownImage }) {
  const location = image.metadata?.location;
  const isOwn = image.owner.id === session.user?.id;
  return (
    <article className="image">
      <h1>{nameOf(image)}</h1>
      <div>
        {image.srcSet ? (
          <DarkroomImage image={image} sizes="(max-width: 900px) 100vw, 60vw" isUrgent className="picture" />
        ) : (
          <p className="problem">{image.failure?.message ?? words.imageIs(words.statuses[image.status])}</p>
        )}
        <Similar image={image} />
      </div>
      <div className="beside">
        <DetailsForm image={image} />
        <Facts image={image} />
        {location && (
          <Suspense>
            <WorldMap {...location} />
          </Suspense>
        )}
        <Variants image={image} />
        <Actions image={image} />
        {isOwn && <Sharing target={{ imageId: image.id }} shares={image.shares} links={image.shareLinks} refetched="Image" />}
        <History imageId={image.id} />
      </div>
    </article>
  );
}
