// Where each row of the grid is. Kept by page, so that one more page of a long list costs as little as the first.

import type { Row } from "./rows.js";

export type Place = { row: Row; top: number };

/** The rows of all pages, one below the other. A row is named by its number among all of them. */
export class Layout {
  /** The number of rows in all pages. */
  readonly count: number;
  /** In pixels. */
  readonly height: number;
  /** The top of each page in pixels, and the number of its first row; behind them, the end of the last one. */
  readonly #tops: Float64Array;
  readonly #firsts: Uint32Array;

  constructor(
    readonly pages: readonly (readonly Row[])[],
    gap: number,
  ) {
    this.#tops = new Float64Array(pages.length + 1);
    this.#firsts = new Uint32Array(pages.length + 1);
    let [top, first] = [0, 0];
    pages.forEach((rows, at) => {
      const last = rows.at(-1);
      top += last ? last.top + last.height + gap : 0;
      first += rows.length;
      this.#tops[at + 1] = top;
      this.#firsts[at + 1] = first;
    });
    [this.height, this.count] = [top, first];
  }

  /** The row of a number, and its top in pixels. */
  at(number: number): Place | null {
    if (number < 0 || number >= this.count) return null;
    const page = lastUpTo(this.#firsts, number);
    const row = this.pages[page]?.[number - (this.#firsts[page] ?? 0)];
    return row ? { row, top: (this.#tops[page] ?? 0) + row.top } : null;
  }

  /** The number of the row that is this many pixels below the top. */
  below(pixels: number): number {
    const page = Math.min(lastUpTo(this.#tops, pixels), Math.max(this.pages.length - 1, 0));
    const rows = this.pages[page] ?? [];
    const within = pixels - (this.#tops[page] ?? 0);
    const behind = rows.findIndex(({ top }) => top > within);
    return (this.#firsts[page] ?? 0) + Math.max((behind < 0 ? rows.length : behind) - 1, 0);
  }
}

/** Where the last number is, in numbers that grow, that is not above this one. */
function lastUpTo(numbers: Float64Array | Uint32Array, wanted: number): number {
  let [low, high] = [0, numbers.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((numbers[middle] ?? 0) <= wanted) low = middle;
    else high = middle - 1;
  }
  return low;
}
