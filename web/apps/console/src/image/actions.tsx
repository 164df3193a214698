// What can be done with an image beside editing it.

import { useApolloClient } from "@apollo/client/react";
import { useState } from "react";
import { Button } from "react-aria-components";
import { useNavigate } from "react-router";

import { graphql } from "../gql";
import { useAction } from "../parts/action";
import { Problem } from "../parts/feedback";
import { Removal } from "../parts/removal";
import { words } from "../words";
import type { ShownImage } from "./image-page";

const DELETE = graphql(`
  mutation DeleteImage($input: DeleteImageInput!) {
    deleteImage(input: $input) {
      deletedImageId
      userErrors {
        message
      }
    }
  }
`);
const GENERATE = graphql(`
  mutation GenerateVariants($input: GenerateVariantsInput!) {
    generateVariants(input: $input) {
      image {
        id
        status
      }
      userErrors {
        message
      }
    }
  }
`);

export function Actions({ image: { id } }: { image: ShownImage }) {
  const remove = useAction(DELETE);
  const generate = useAction(GENERATE);
  const [isGenerating, setGenerating] = useState(false);
  const navigate = useNavigate();
  const { cache } = useApolloClient();
  const onRemove = async () => {
    if (!(await remove.run({ imageId: id }))) return;
    await navigate("/");
    cache.evict({ id: cache.identify({ __typename: "Image", id }) ?? "" });
  };
  const regenerate = async () => setGenerating((await generate.run({ imageId: id })) !== null);
  return (
    <div className="actions">
      <Button isDisabled={generate.isBusy} onPress={() => void regenerate()}>
        {words.regenerate}
      </Button>
      <Removal isDisabled={remove.isBusy} onRemove={() => void onRemove()} />
      {isGenerating && <span role="status">{words.regenerating}</span>}
      <Problem>{remove.problem ?? generate.problem}</Problem>
    </div>
  );
}
