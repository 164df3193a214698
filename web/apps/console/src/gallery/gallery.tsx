// All images: searched as one types, narrowed down, selected, and changed together.

import { type CellSize, type GridState, ImageGrid } from "@darkroom/react";
import { Suspense, lazy, useCallback, useDeferredValue, useState } from "react";
import { Link } from "react-router";

import type { CellFragment } from "../gql/graphql";
import { useChanges } from "../live/changes";
import { Problem } from "../parts/feedback";
import { words } from "../words";
import { Cell } from "./cell";
import { Filters } from "./filters";
import { FIRST_WISH, useImagePages } from "./list";

const Selection = lazy(() => import("./selection"));

export function Gallery() {
  const [wish, setWish] = useState(FIRST_WISH);
  const load = useImagePages(useDeferredValue(wish));
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [state, setState] = useState<GridState>({ count: 0, hasMore: false, isLoading: true, error: null });
  const { version, outdate } = useChanges();
  const select = useCallback((id: string, isSelected: boolean) => {
    setSelected((before) => {
      const after = new Set(before);
      if (isSelected) after.add(id);
      else after.delete(id);
      return after;
    });
  }, []);
  const cell = useCallback(
    (image: CellFragment, size: CellSize) => {
      const selection = { isSelected: selected.has(image.id), onChange: (isSelected: boolean) => select(image.id, isSelected) };
      return <Cell image={image} size={size} selection={selection} />;
    },
    [selected, select],
  );
  const onDone = () => {
    setSelected(new Set());
    outdate();
  };
  return (
    <section className="gallery">
      <h1 className="hidden">{words.images}</h1>
      <Filters wish={wish} onChange={setWish} />
      {selected.size > 0 && (
        <Suspense>
          <Selection selected={selected} onDone={onDone} />
        </Suspense>
      )}
      {state.error !== null && <Problem>{state.error instanceof Error ? state.error.message : words.failed}</Problem>}
      <ImageGrid load={load} version={version} label={words.images} onState={setState}>
        {cell}
      </ImageGrid>
      {!state.isLoading && state.count === 0 && (
        <p className="empty">
          {words.noImages} <Link to="/upload">{words.uploadPictures}</Link>
        </p>
      )}
      <p role="status" className="hidden">
        {state.isLoading ? words.loading : words.imagesAreShown(state.count)}
      </p>
    </section>
  );
}
