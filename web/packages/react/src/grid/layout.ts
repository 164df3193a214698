// Where each row of the grid is. Of a page, its height and its number of rows are kept; its rows are made when they are asked for. So a
// long list is a few numbers, and no objects that each garbage collection goes through.

import { type Form, type Row, rowsOf } from "./rows.js";

export type Place = { page: number; row: Row; top: number };

/** The rows of all pages, one below the other. A row is named by its number among all of them. */
export class Layout {
  /** The number of rows in all pages. */
  readonly count: number;
  /** In pixels. */
  readonly height: number;
  readonly #pages: readonly Float32Array[];
  readonly #form: Form;
  /** The top of each page in pixels, and the number of its first row; behind them, the end of the last one. */
  readonly #tops: Float64Array;
  readonly #firsts: Uint32Array;
  readonly #rows = new Map<number, Row[]>();

  /** Pages are the shapes of their pictures. What `before` knows of a page of the same shapes is not worked out again. */
  constructor(pages: readonly Float32Array[], form: Form, before?: Layout) {
    [this.#pages, this.#form] = [pages, form];
    this.#tops = new Float64Array(pages.length + 1);
    this.#firsts = new Uint32Array(pages.length + 1);
    const known = before?.isOf(form) ? before : undefined;
    let [top, first] = [0, 0];
    pages.forEach((ratios, at) => {
      const size = known && known.#pages[at] === ratios ? known.#size(at) : this.#measured(at);
      this.#tops[at + 1] = top += size.height;
      this.#firsts[at + 1] = first += size.rows;
    });
    [this.height, this.count] = [top, first];
  }

  isOf({ width, rowHeight, gap }: Form): boolean {
    return this.#form.width === width && this.#form.rowHeight === rowHeight && this.#form.gap === gap;
  }

  /** The row of a number, and its top in pixels. */
  at(number: number): Place | null {
    if (number < 0 || number >= this.count) return null;
    const page = lastUpTo(this.#firsts, number);
    const row = this.#rowsOf(page)[number - (this.#firsts[page] ?? 0)];
    return row ? { page, row, top: (this.#tops[page] ?? 0) + row.top } : null;
  }

  /** The number of the row that is this many pixels below the top. */
  below(pixels: number): number {
    const page = Math.min(lastUpTo(this.#tops, pixels), Math.max(this.#pages.length - 1, 0));
    const rows = this.#rowsOf(page);
    const within = pixels - (this.#tops[page] ?? 0);
    const behind = rows.findIndex(({ top }) => top > within);
    return (this.#firsts[page] ?? 0) + Math.max((behind < 0 ? rows.length : behind) - 1, 0);
  }

  /** Kept as long as this layout, which is replaced with each page that is loaded. */
  #rowsOf(page: number): Row[] {
    const ratios = this.#pages[page];
    if (!ratios) return [];
    const rows = this.#rows.get(page) ?? rowsOf(ratios, this.#form);
    this.#rows.set(page, rows);
    return rows;
  }

  #measured(page: number) {
    const rows = rowsOf(this.#pages[page] ?? new Float32Array(), this.#form);
    const last = rows.at(-1);
    return { height: last ? last.top + last.height + this.#form.gap : 0, rows: rows.length };
  }

  #size(page: number) {
    const length = (ends: Float64Array | Uint32Array) => (ends[page + 1] ?? 0) - (ends[page] ?? 0);
    return { height: length(this.#tops), rows: length(this.#firsts) };
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
