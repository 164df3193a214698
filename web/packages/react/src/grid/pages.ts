// A list of which only the pages that are looked at are held, however long it is. Of the others, their shapes are known.

import { useCallback, useEffect, useRef, useState } from "react";

import { type Shape, ratioOf } from "./rows.js";

/** One answer to `images(first: …, after: …)`. */
export type ImagePage<T> = { nodes: readonly T[]; pageInfo: { hasNextPage: boolean; endCursor?: string | null } };
/** Asks for the page behind a cursor, or for the first one. */
export type LoadPage<T> = (after: string | null) => Promise<ImagePage<T>>;

export type Page<T> = {
  /** Of which list, and of which version of it. */
  load: LoadPage<T>;
  version: unknown;
  after: string | null;
  end: string | null;
  hasMore: boolean;
  /** Of width to height, of all images. */
  ratios: Float32Array;
  /** Null while nobody looks at them. */
  images: readonly T[] | null;
};

/** How many pages are held on either side of those that are looked at. */
const HELD = 3;

/** `look` says which pages are seen; those that are missing or outdated are loaded. */
export function usePages<T extends Shape>(load: LoadPage<T>, version: unknown) {
  const [pages, setPages] = useState<readonly Page<T>[]>([]);
  const [error, setError] = useState<unknown>(null);
  const [isLoading, setLoading] = useState(true);
  const seen = useRef({ first: 0, last: 0 });
  const present = useRef({ pages, load, version, isBusy: false, isGone: false });
  useEffect(() => {
    // Not the pages, which are known before they are shown.
    Object.assign(present.current, { load, version });
  });

  const fill = useCallback(async () => {
    const now = present.current;
    if (now.isBusy) return;
    now.isBusy = true;
    try {
      for (let at = missing(now, seen.current); at !== null; at = missing(now, seen.current)) {
        const { load, version } = now;
        const after = now.pages[at - 1]?.end ?? null;
        setLoading(true);
        const { nodes, pageInfo } = await load(after);
        if (now.isGone) return;
        // Another list is asked for meanwhile.
        if (now.load !== load) continue;
        const end = pageInfo.endCursor ?? null;
        const page = { load, version, after, end, hasMore: pageInfo.hasNextPage, ratios: Float32Array.from(nodes, ratioOf), images: nodes };
        now.pages = released(replaced(now.pages, at, page), seen.current);
        setPages(now.pages);
        setError(null);
      }
    } catch (caught) {
      setError(caught);
    } finally {
      now.isBusy = false;
      setLoading(false);
    }
  }, []);

  const look = useCallback(
    (first: number, last: number) => {
      seen.current = { first, last };
      void fill();
    },
    [fill],
  );
  useEffect(() => {
    const now = present.current;
    now.isGone = false;
    void fill();
    return () => {
      now.isGone = true;
    };
  }, [fill, load, version]);
  return { pages, look, error, isLoading };
}

type Seen = { first: number; last: number };
type List<T> = { pages: readonly Page<T>[]; load: LoadPage<T>; version: unknown };

/** The first page in sight, or one behind it, that is not there as it is now. */
function missing<T>({ pages, load, version }: List<T>, { first, last }: Seen): number | null {
  if (pages[0]?.load !== load) return 0;
  for (let at = Math.max(first - 1, 0); at <= last + 1; at += 1) {
    const before = pages[at - 1];
    if (before && !before.hasMore) return null;
    if (at > pages.length) return pages.length;
    const page = pages[at];
    if (!page?.images || page.version !== version || page.after !== (before?.end ?? null)) return at;
  }
  return null;
}

/** Nothing is behind the last page, and nothing is left of another list. */
function replaced<T>(pages: readonly Page<T>[], at: number, page: Page<T>): readonly Page<T>[] {
  const ofList = pages.filter(({ load }) => load === page.load);
  return [...ofList.slice(0, at), page, ...(page.hasMore ? ofList.slice(at + 1) : [])];
}

function released<T>(pages: readonly Page<T>[], { first, last }: Seen): readonly Page<T>[] {
  return pages.map((page, at) => (page.images && (at < first - HELD || at > last + HELD) ? { ...page, images: null } : page));
}
