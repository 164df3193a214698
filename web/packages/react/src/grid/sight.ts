// Which rows of the grid are in sight of the window, or close to it.

import { type RefObject, useCallback, useLayoutEffect, useState } from "react";

import type { Layout } from "./layout.js";

/** How many rows there are above and below those that are seen. */
const BEYOND = 4;

/** The numbers of the first row and of the last one. */
export type Sight = { first: number; last: number };

export function useSight(element: RefObject<HTMLElement | null>, layout: Layout): Sight {
  const [sight, setSight] = useState<Sight>({ first: 0, last: 0 });
  const look = useCallback(() => {
    if (!element.current) return;
    const above = -element.current.getBoundingClientRect().top;
    const first = Math.max(layout.below(Math.max(above, 0)) - BEYOND, 0);
    const last = Math.min(layout.below(Math.max(above + window.innerHeight, 0)) + BEYOND, Math.max(layout.count - 1, 0));
    setSight((before) => (before.first === first && before.last === last ? before : { first, last }));
  }, [element, layout]);
  useLayoutEffect(() => {
    look();
    window.addEventListener("scroll", look, { passive: true });
    window.addEventListener("resize", look);
    return () => {
      window.removeEventListener("scroll", look);
      window.removeEventListener("resize", look);
    };
  }, [look]);
  return sight;
}
