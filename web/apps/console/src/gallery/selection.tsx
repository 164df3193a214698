// What is done with all images that are selected: tags, a category, an album, the trash.

import { useQuery } from "@apollo/client/react";
import { useState } from "react";
import { Button } from "react-aria-components";

import { graphql } from "../gql";
import { useAction } from "../parts/action";
import { Choice } from "../parts/choice";
import { Problem } from "../parts/feedback";
import { Removal } from "../parts/removal";
import { words } from "../words";

/** How many images one mutation takes. */
const AT_ONCE = 100;

const PLACES = graphql(`
  query Places {
    categories {
      id
      name
    }
    albums(first: 100) {
      nodes {
        id
        name
      }
    }
  }
`);
const UPDATE = graphql(`
  mutation UpdateImages($input: UpdateImagesInput!) {
    updateImages(input: $input) {
      results {
        imageId
        userErrors {
          message
        }
      }
      userErrors {
        message
      }
    }
  }
`);
const ADD = graphql(`
  mutation AddImagesToAlbum($input: AddImagesToAlbumInput!) {
    addImagesToAlbum(input: $input) {
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
  mutation DeleteImages($input: DeleteImagesInput!) {
    deleteImages(input: $input) {
      results {
        imageId
        userErrors {
          message
        }
      }
      userErrors {
        message
      }
    }
  }
`);

type Results = { results: { userErrors: { message: string }[] }[] };

export default function Selection({ selected, onDone }: { selected: ReadonlySet<string>; onDone: () => void }) {
  const { data } = useQuery(PLACES);
  const update = useAction(UPDATE);
  const add = useAction(ADD);
  const remove = useAction(DELETE);
  const [tags, setTags] = useState("");
  const [refusal, setRefusal] = useState<string | null>(null);

  /** Does something with the images by the hundred. What was refused of them is said. */
  const withAll = async (act: (imageIds: string[]) => Promise<Results | null>) => {
    const ids = [...selected];
    for (let from = 0; from < ids.length; from += AT_ONCE) {
      const done = await act(ids.slice(from, from + AT_ONCE));
      if (!done) return;
      const refused = done.results.flatMap(({ userErrors }) => userErrors)[0];
      if (refused) return setRefusal(refused.message);
    }
    onDone();
  };
  const change = (part: { addTags: string[] } | { categoryId: string }) =>
    void withAll(async (imageIds) => (await update.run({ imageIds, ...part }))?.updateImages ?? null);
  const addTo = (albumId: string) => void withAll(async (imageIds) => (await add.run({ albumId, imageIds })) && { results: [] });
  const addTags = tags
    .split(",")
    .map((tag) => tag.trim())
    .filter(Boolean);

  const choose = { id: "", name: "…" };
  return (
    <div className="selection" role="group" aria-label={words.selected(selected.size)}>
      <strong>{words.selected(selected.size)}</strong>
      <span className="choice">
        <input aria-label={words.addTags} placeholder={words.addTags} value={tags} onChange={(event) => setTags(event.target.value)} />
        <Button isDisabled={!addTags.length} onPress={() => change({ addTags })}>
          {words.apply}
        </Button>
      </span>
      <Choice
        label={words.moveToCategory}
        options={[choose, ...(data?.categories ?? [])]}
        value=""
        onChange={(categoryId) => change({ categoryId })}
      />
      <Choice label={words.addToAlbum} options={[choose, ...(data?.albums.nodes ?? [])]} value="" onChange={addTo} />
      <Removal onRemove={() => void withAll(async (imageIds) => (await remove.run({ imageIds }))?.deleteImages ?? null)} />
      <Button onPress={onDone}>{words.clear}</Button>
      <Problem>{refusal ?? update.problem ?? add.problem ?? remove.problem}</Problem>
    </div>
  );
}
