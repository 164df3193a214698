import { expect, test } from "vitest";

import { Layout } from "../src/grid/layout";
import { ratioOf, rowsOf } from "../src/grid/rows";

const ROW = 190;
const GAP = 6;

test("rows are equally full and of about the height that was wished for", () => {
  const ratios = Array.from({ length: 60 }, (_, at) => 0.6 + ((at * 7) % 13) / 10);
  const rows = rowsOf(0, ratios, 1200, ROW, GAP);
  expect(rows.map(({ first, end }) => end - first).reduce((sum, count) => sum + count)).toBe(60);
  for (const { first, end, height } of rows) {
    const width = ratios.slice(first, end).reduce((sum, ratio) => sum + ratio * height, GAP * (end - first - 1));
    expect(Math.abs(width - 1200)).toBeLessThan(10);
    expect(height).toBeGreaterThan(ROW * 0.7);
    expect(height).toBeLessThan(ROW * 1.5);
  }
});

test("what does not fill a row is not stretched, and nothing is lost on a narrow screen", () => {
  expect(rowsOf(3, [1], 1200, ROW, GAP)).toEqual([{ page: 3, first: 0, end: 1, top: 0, height: ROW * 1.5 }]);
  const narrow = rowsOf(0, [3, 0.4, 3, 3], 100, ROW, GAP);
  expect(narrow.at(-1)?.end).toBe(4);
  expect(narrow.every(({ first, end, height }) => end > first && height > 0)).toBe(true);
});

test("shapes are kept within what a grid can show", () => {
  expect([{}, { width: 0, height: 5 }, { width: 9000, height: 10 }, { width: 10, height: 9000 }].map(ratioOf)).toEqual([1, 1, 3, 0.4]);
});

test("rows are found by their number and by where they are, in a list of any length", () => {
  const ratios = Array.from({ length: 60 }, (_, at) => 0.6 + ((at * 7) % 13) / 10);
  const pages = Array.from({ length: 50 }, (_, page) => (page === 20 ? [] : rowsOf(page, ratios.slice(page % 7), 1200, ROW, GAP)));
  const layout = new Layout(pages, GAP);
  const rows = pages.flat();
  expect(layout.count).toBe(rows.length);
  let top = 0;
  rows.forEach((row, number) => {
    expect(layout.at(number)).toEqual({ row, top });
    for (const pixels of [top, top + 1, top + row.height + GAP - 1]) expect(layout.below(pixels)).toBe(number);
    top += row.height + GAP;
  });
  expect([layout.height, layout.at(-1), layout.at(rows.length), layout.below(top + 1000)]).toEqual([top, null, null, rows.length - 1]);
  const empty = new Layout([], GAP);
  expect([empty.height, empty.count, empty.at(0), empty.below(0)]).toEqual([0, 0, null, 0]);
});
