// A gallery that one drops pictures on: Relay for what is read, @darkroom/react for what is uploaded.

import { DarkroomImage, DarkroomProvider, UploadDropzone, useUploads } from "@darkroom/react";
import { Suspense, useState } from "react";
import { createRoot } from "react-dom/client";
import { RelayEnvironmentProvider, graphql, useLazyLoadQuery } from "react-relay";
import { Environment, type FetchFunction, type GraphQLResponse, Network, RecordSource, Store } from "relay-runtime";

import type { mainGalleryQuery } from "./__generated__/mainGalleryQuery.graphql";
import { token, url } from "./server";
import { Progress } from "./uploads";

const GALLERY = graphql`
  query mainGalleryQuery {
    categories {
      id
    }
    images(first: 20, filter: { status: [COMPLETED] }) {
      edges {
        node {
          id
          title
          altText
          width
          height
          placeholder
          srcSet
        }
      }
    }
  }
`;

function App() {
  const [version, setVersion] = useState(0);
  const { uploads, add } = useUploads(() => setVersion((before) => before + 1));
  return (
    <Suspense fallback={<p>Loading…</p>}>
      <ul>
        {uploads.map((upload) => (
          <Progress key={upload.id} upload={upload} />
        ))}
      </ul>
      <Gallery version={version} onFiles={(files, categoryId) => add(files, { categoryId })} />
    </Suspense>
  );
}

function Gallery({ version, onFiles }: { version: number; onFiles: (files: File[], categoryId: string) => void }) {
  const options = { fetchKey: version, fetchPolicy: "store-and-network" } as const;
  const { categories, images } = useLazyLoadQuery<mainGalleryQuery>(GALLERY, {}, options);
  const [category] = categories;
  if (!category) return <p>There is no category.</p>;
  return (
    <UploadDropzone onFiles={(files) => onFiles(files, category.id)}>
      {images.edges.map(({ node }) => (
        <DarkroomImage key={node.id} image={node} sizes="20rem" style={{ width: "20rem" }} />
      ))}
    </UploadDropzone>
  );
}

const send: FetchFunction = async ({ text }, variables) => {
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token() ?? ""}` };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify({ query: text, variables }) });
  return (await answer.json()) as GraphQLResponse;
};
const environment = new Environment({ network: Network.create(send), store: new Store(new RecordSource()) });
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <RelayEnvironmentProvider environment={environment}>
      <DarkroomProvider options={{ url, token }}>
        <App />
      </DarkroomProvider>
    </RelayEnvironmentProvider>,
  );
}
