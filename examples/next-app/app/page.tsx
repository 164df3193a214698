// Read on the server, where the token stays; uploaded from the browser by a token that lasts a day at most.

import { Uploader } from "./uploader";

const url = process.env.DARKROOM_URL ?? "http://localhost:8000/graphql";
const token = process.env.DARKROOM_TOKEN ?? "";

type Gallery = { categories: { id: string }[]; images: { nodes: { id: string; title: string; altText: string; srcSet: string }[] } };

async function gallery(): Promise<Gallery> {
  const query = "{ categories { id } images(first: 20, filter: { status: [COMPLETED] }) { nodes { id title altText srcSet } } }";
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify({ query }), cache: "no-store" });
  const { data, errors } = (await answer.json()) as { data?: Gallery; errors?: { message: string }[] };
  if (!data) throw new Error(errors?.[0]?.message ?? "The server answered without data.");
  return data;
}

export default async function Page() {
  const { categories, images } = await gallery();
  const [category] = categories;
  return (
    <main>
      {category && <Uploader url={url} token={token} categoryId={category.id} />}
      {images.nodes.map(({ id, title, altText, srcSet }) => (
        <img key={id} srcSet={srcSet} sizes="20rem" alt={altText || title} />
      ))}
    </main>
  );
}
