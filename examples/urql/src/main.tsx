// A gallery that one drops pictures on: urql with Graphcache for what is read, @darkroom/react for what is uploaded.

import { DarkroomImage, type DarkroomPicture, DarkroomProvider, UploadDropzone, keys, useUploads } from "@darkroom/react";
import { cacheExchange } from "@urql/exchange-graphcache";
import { createRoot } from "react-dom/client";
import { Client, Provider, type TypedDocumentNode, fetchExchange, gql, useQuery } from "urql";

import { token, url } from "./server";
import { Progress } from "./uploads";

type Gallery = {
  categories: { id: string }[];
  images: { nodes: (DarkroomPicture & { id: string })[] };
};
const GALLERY: TypedDocumentNode<Gallery, Record<string, never>> = gql`
  query Gallery {
    categories {
      id
    }
    images(first: 20, filter: { status: [COMPLETED] }) {
      nodes {
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
`;

function App() {
  const [{ data }, refetch] = useQuery({ query: GALLERY, variables: {} });
  const { uploads, add } = useUploads(() => refetch({ requestPolicy: "network-only" }));
  const category = data?.categories[0];
  if (!category) return <p>Loading…</p>;
  return (
    <UploadDropzone onFiles={(files) => add(files, { categoryId: category.id })}>
      <ul>
        {uploads.map((upload) => (
          <Progress key={upload.id} upload={upload} />
        ))}
      </ul>
      {data.images.nodes.map((image) => (
        <DarkroomImage key={image.id} image={image} sizes="20rem" style={{ width: "20rem" }} />
      ))}
    </UploadDropzone>
  );
}

const client = new Client({
  url,
  preferGetMethod: false,
  exchanges: [cacheExchange({ keys }), fetchExchange],
  fetchOptions: () => ({ headers: { Authorization: `Bearer ${token() ?? ""}` } }),
});
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <Provider value={client}>
      <DarkroomProvider options={{ url, token }}>
        <App />
      </DarkroomProvider>
    </Provider>,
  );
}
