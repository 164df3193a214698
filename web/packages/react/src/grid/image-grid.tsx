// A justified grid of a list of any length: only the rows that are seen are in the page.

import { type KeyboardEvent, type ReactNode, memo, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";

import { Layout } from "./layout.js";
import { type LoadPage, type Page, usePages } from "./pages.js";
import { type Shape, ratioOf } from "./rows.js";
import { useSight } from "./sight.js";

/** The room that an image has in the grid, in pixels. */
export type CellSize = { width: number; height: number };

export type ImageGridProps<T> = {
  /** Asks for the page of the list behind a cursor. A new function is a new list: keep it by `useCallback`. */
  load: LoadPage<T>;
  /** Changes whenever the list may have: what is seen is asked for again and stays until the answer is there. */
  version?: unknown;
  /** How one image is shown. Kept by `useCallback`, it is called once for each image that comes into sight. */
  children: (image: T, size: CellSize) => ReactNode;
  /** In pixels: how high a row is, about. 190 unless told otherwise. */
  rowHeight?: number;
  /** In pixels: 6 unless told otherwise. */
  gap?: number;
  /** What the list is called by screen readers. */
  label: string;
  /** Called with how many images are known, whether more are on their way, and what went wrong. */
  onState?: (state: GridState) => void;
};
export type GridState = { count: number; hasMore: boolean; isLoading: boolean; error: unknown };

export function ImageGrid<T extends Shape & { id: string }>(props: ImageGridProps<T>) {
  const { load, version, children, rowHeight = 190, gap = 6, label, onState } = props;
  const { pages, look, error, isLoading } = usePages(load, version);
  const [width, element] = useWidth();
  const layout = useRowLayout(pages, width, rowHeight, gap);
  const sight = useSight(element, layout);
  const numbers = Array.from({ length: Math.min(sight.last + 1, layout.count) - sight.first }, (_, at) => sight.first + at);
  const first = layout.at(sight.first)?.page ?? 0;
  const last = layout.at(sight.last)?.page ?? 0;
  useEffect(() => look(first, last), [look, first, last]);
  const count = useMemo(() => pages.reduce((sum, { ratios }) => sum + ratios.length, 0), [pages]);
  const hasMore = pages.at(-1)?.hasMore ?? false;
  useEffect(() => onState?.({ count, hasMore, isLoading, error }), [onState, count, hasMore, isLoading, error]);
  const onKeyDown = useArrows(element, layout);

  return (
    <div
      ref={element}
      role="list"
      aria-label={label}
      className="darkroom-grid"
      onKeyDown={onKeyDown}
      style={{ position: "relative", height: layout.height }}
    >
      {numbers.map((number) => {
        const place = layout.at(number);
        const images = place && pages[place.page]?.images;
        if (!images) return null;
        const { first, end, height } = place.row;
        return (
          <GridRow key={number} number={number} images={images} first={first} end={end} top={place.top} height={height} gap={gap}>
            {children}
          </GridRow>
        );
      })}
    </div>
  );
}

type GridRowProps<T> = {
  number: number;
  /** Of the row's page: its own are those from `first` to before `end`. */
  images: readonly T[];
  first: number;
  end: number;
  top: number;
  height: number;
  gap: number;
  children: (image: T, size: CellSize) => ReactNode;
};

/** Rendered once, and not again for each step of a scroll. */
const GridRow = memo(function GridRow<T extends Shape & { id: string }>(props: GridRowProps<T>) {
  const { number, images, first, end, top, height, gap, children } = props;
  return (
    <div role="presentation" style={{ position: "absolute", left: 0, right: 0, top, display: "flex", gap, height }}>
      {images.slice(first, end).map((image, at) => {
        const size = { width: Math.floor(height * ratioOf(image)), height };
        return (
          <div key={image.id} role="listitem" data-at={`${number}.${at}`} style={size}>
            {children(image, size)}
          </div>
        );
      })}
    </div>
  );
}) as <T extends Shape & { id: string }>(props: GridRowProps<T>) => ReactNode;

/** Made anew with each page; what was known of the others stays. */
function useRowLayout<T>(pages: readonly Page<T>[], width: number, rowHeight: number, gap: number): Layout {
  const before = useRef<Layout>(undefined);
  return useMemo(() => {
    const ratios = width === 0 ? [] : pages.map((page) => page.ratios);
    return (before.current = new Layout(ratios, { width, rowHeight, gap }, before.current));
  }, [pages, width, rowHeight, gap]);
}

/** Arrow keys go from image to image, also to rows that are not in the page yet. */
function useArrows(element: React.RefObject<HTMLDivElement | null>, layout: Layout) {
  const wished = useRef<string | null>(null);
  const focus = (at: string) => {
    const cell = element.current?.querySelector<HTMLElement>(`[data-at="${at}"]`);
    cell?.querySelector<HTMLElement>("a, button")?.focus();
    return cell !== null && cell !== undefined;
  };
  useEffect(() => {
    if (wished.current && focus(wished.current)) wished.current = null;
  });
  return (event: KeyboardEvent) => {
    const from = (event.target as HTMLElement).closest<HTMLElement>("[data-at]")?.dataset.at;
    const to = from && neighbour(layout, from, event.key);
    if (!to) return;
    event.preventDefault();
    if (focus(to)) return;
    wished.current = to;
    const top = layout.at(Number(to.split(".")[0]))?.top ?? 0;
    const grid = element.current?.getBoundingClientRect().top ?? 0;
    window.scrollBy({ top: grid + top - window.innerHeight / 2 });
  };
}

/** Where an arrow key leads to from `row.column`. */
function neighbour(layout: Layout, from: string, key: string): string | null {
  const [row = 0, column = 0] = from.split(".").map(Number);
  const columns = (number: number) => {
    const place = layout.at(number);
    return place ? place.row.end - place.row.first : 0;
  };
  const moved: Record<string, [number, number]> = {
    ArrowRight: column + 1 < columns(row) ? [row, column + 1] : [row + 1, 0],
    ArrowLeft: column > 0 ? [row, column - 1] : [row - 1, columns(row - 1) - 1],
    ArrowDown: [row + 1, Math.min(column, columns(row + 1) - 1)],
    ArrowUp: [row - 1, Math.min(column, columns(row - 1) - 1)],
  };
  const to = moved[key];
  return to && columns(to[0]) > 0 ? to.join(".") : null;
}

/** The width of an element in pixels, as it changes. */
function useWidth() {
  const element = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    if (!element.current) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [width, element] as const;
}
