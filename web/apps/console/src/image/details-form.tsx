// What somebody says of an image: changed here, and saved when asked to.

import { type SubmitEvent, useState } from "react";
import { Button, Label, TextArea, TextField } from "react-aria-components";

import { graphql } from "../gql";
import { useAction } from "../parts/action";
import { Problem } from "../parts/feedback";
import { Field, Written } from "../parts/fields";
import { words } from "../words";
import type { ShownImage } from "./image-page";

const UPDATE = graphql(`
  mutation UpdateImage($input: UpdateImageInput!) {
    updateImage(input: $input) {
      image {
        id
        title
        altText
        description
        tags
        updatedAt
      }
      userErrors {
        message
      }
    }
  }
`);

export function DetailsForm({ image }: { image: ShownImage }) {
  const update = useAction(UPDATE);
  const [isSaved, setSaved] = useState(false);
  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new Written(event.currentTarget);
    const texts = { title: form.text("title"), altText: form.text("altText"), description: form.text("description") };
    setSaved((await update.run({ imageId: image.id, ...texts, tags: form.list("tags") })) !== null);
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      <Field name="title" label={words.title} defaultValue={image.title} maxLength={255} />
      <Field name="altText" label={words.altText} defaultValue={image.altText} maxLength={1000} />
      <TextField name="description" defaultValue={image.description}>
        <Label>{words.description}</Label>
        <TextArea rows={3} maxLength={5000} />
      </TextField>
      <Field name="tags" label={words.tags} defaultValue={image.tags.join(", ")} />
      <Button type="submit" className="primary" isDisabled={update.isBusy}>
        {words.save}
      </Button>
      {isSaved && (
        <p role="status" className="quiet">
          {words.saved}
        </p>
      )}
      <Problem>{update.problem}</Problem>
    </form>
  );
}
