// Which rows of the grid are in sight of the window, or close to it.

import { type RefObject, useCallback, useEffect, useState } from "react";

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
    const seen = { first: layout.below(Math.max(above, 0)), last: layout.below(Math.max(above + window.innerHeight, 0)) };
    setSight((before) => towards(before, seen, layout.count));
  }, [element, layout]);
  // At most once in a frame; what is not in the page yet comes with the next ones.
  useEffect(() => {
    let frame = requestAnimationFrame(look);
    const lookAgain = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(look);
    };
    window.addEventListener("scroll", lookAgain, { passive: true });
    window.addEventListener("resize", lookAgain);
    return () => {
      cancelAnimationFrame(frame);
      window.removeEventListener("scroll", lookAgain);
      window.removeEventListener("resize", lookAgain);
    };
  }, [look, sight]);
  return sight;
}

/** One frame's step to all rows that are seen and some beyond: what left goes at once, but only one row comes, for many would hold up the browser. */
export function towards(before: Sight, seen: Sight, count: number): Sight {
  const end = Math.max(count - 1, 0);
  const [first, last] = [Math.max(seen.first - BEYOND, 0), Math.min(seen.last + BEYOND, end)];
  const kept = { first: Math.max(before.first, first), last: Math.min(before.last, last) };
  const after = kept.first <= kept.last ? kept : { first: seen.first, last: Math.min(seen.first, end) };
  const isSeenAbove = after.first > seen.first;
  if (after.last < last && !isSeenAbove) after.last += 1;
  else if (after.first > first) after.first -= 1;
  return after.first === before.first && after.last === before.last ? before : after;
}
