// A gallery that one drops pictures on: Apollo Client for what is read, @darkroom/react for what is uploaded.

import { ApolloClient, HttpLink, InMemoryCache, gql, type TypedDocumentNode } from "@apollo/client";
import { ApolloProvider, useQuery } from "@apollo/client/react";
import { DarkroomImage, type DarkroomPicture, DarkroomProvider, UploadDropzone, typePolicies, useUploads } from "@darkroom/react";
import { createRoot } from "react-dom/client";

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
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`;

function App() {
  const { data, refetch } = useQuery(GALLERY);
  const { uploads, add } = useUploads(() => void refetch());
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

const link = new HttpLink({ uri: url, headers: { Authorization: `Bearer ${token() ?? ""}` } });
const apollo = new ApolloClient({ link, cache: new InMemoryCache({ typePolicies }) });
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <ApolloProvider client={apollo}>
      <DarkroomProvider options={{ url, token }}>
        <App />
      </DarkroomProvider>
    </ApolloProvider>,
  );
}
