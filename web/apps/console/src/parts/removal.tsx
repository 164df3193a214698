// The button that deletes images: to the trash where there is one, and otherwise for good, which it asks about first.

import { Button } from "react-aria-components";

import { useMe } from "../me";
import { words } from "../words";
import Confirm from "./confirm";

export function Removal({ onRemove, isDisabled = false }: { onRemove: () => void; isDisabled?: boolean }) {
  const { hasTrash } = useMe();
  if (!hasTrash) return <Confirm label={words.deleteForGood} onConfirm={onRemove} />;
  return (
    <Button isDisabled={isDisabled} onPress={onRemove}>
      {words.toTrash}
    </Button>
  );
}
