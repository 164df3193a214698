import { expect, test } from "vitest";

import { Layout } from "../src/grid/layout";
import { ratioOf, rowsOf } from "../src/grid/rows";
import { type Sight, towards } from "../src/grid/sight";

const GAP = 6;
const FORM = { width: 1200, rowHeight: 190, gap: GAP };
const RATIOS = Float32Array.from({ length: 60 }, (_, at) => 0.6 + ((at * 7) % 13) / 10);

test("rows are equally full and of about the height that was wished for", () => {
  const rows = rowsOf(RATIOS, FORM);
  expect(rows.map(({ first, end }) => end - first).reduce((sum, count) => sum + count)).toBe(60);
  for (const { first, end, height } of rows) {
    const width = RATIOS.slice(first, end).reduce((sum, ratio) => sum + ratio * height, GAP * (end - first - 1));
    expect(Math.abs(width - 1200)).toBeLessThan(10);
    expect(height).toBeGreaterThan(190 * 0.7);
    expect(height).toBeLessThan(190 * 1.5);
  }
});

test("what does not fill a row is not stretched, and nothing is lost on a narrow screen", () => {
  expect(rowsOf(Float32Array.of(1), FORM)).toEqual([{ first: 0, end: 1, top: 0, height: 190 * 1.5 }]);
  const narrow = rowsOf(Float32Array.of(3, 0.4, 3, 3), { ...FORM, width: 100 });
  expect(narrow.at(-1)?.end).toBe(4);
  expect(narrow.every(({ first, end, height }) => end > first && height > 0)).toBe(true);
});

test("shapes are kept within what a grid can show", () => {
  expect([{}, { width: 0, height: 5 }, { width: 9000, height: 10 }, { width: 10, height: 9000 }].map(ratioOf)).toEqual([1, 1, 3, 0.4]);
});

test("rows are found by their number and by where they are, in a list of any length", () => {
  const pages = Array.from({ length: 50 }, (_, page) => RATIOS.subarray(page === 20 ? 60 : page % 7));
  const layout = new Layout(pages, FORM);
  const rows = pages.flatMap((ratios, page) => rowsOf(ratios, FORM).map((row) => ({ page, row })));
  expect(layout.count).toBe(rows.length);
  let top = 0;
  rows.forEach(({ page, row }, number) => {
    expect(layout.at(number)).toEqual({ page, row, top });
    for (const pixels of [top, top + 1, top + row.height + GAP - 1]) expect(layout.below(pixels)).toBe(number);
    top += row.height + GAP;
  });
  expect([layout.height, layout.at(-1), layout.at(rows.length), layout.below(top + 1000)]).toEqual([top, null, null, rows.length - 1]);
  const empty = new Layout([], FORM);
  expect([empty.height, empty.count, empty.at(0), empty.below(0)]).toEqual([0, 0, null, 0]);
});

test("a page that changes or comes anew moves those behind it, and a new width all of them", () => {
  const pages = [RATIOS, RATIOS.subarray(30), RATIOS.subarray(10)];
  const before = new Layout(pages, FORM);
  const [first = RATIOS, , third = RATIOS] = pages;
  const changed = [first, RATIOS.subarray(50), third, RATIOS.subarray(5)];
  for (const form of [FORM, { ...FORM, width: 800 }, { ...FORM, rowHeight: 120 }, { ...FORM, gap: 20 }]) {
    const [next, anew] = [new Layout(changed, form, before), new Layout(changed, form)];
    expect([next.count, next.height]).toEqual([anew.count, anew.height]);
    for (let number = 0; number < anew.count; number += 1) expect(next.at(number)).toEqual(anew.at(number));
  }
});

test("rows come one in a frame: those that are seen first, then some beyond, none of those that left", () => {
  const seen = { first: 20, last: 23 };
  const steps = (from: Sight, count = 1000) => {
    const all = [from];
    for (let next = towards(from, seen, count); next !== all.at(-1); next = towards(next, seen, count)) all.push(next);
    return all.map(({ first, last }) => `${first}-${last}`);
  };
  const down = ["20-20", "20-21", "20-22", "20-23", "20-24", "20-25", "20-26", "20-27", "19-27", "18-27", "17-27", "16-27"];
  expect(steps({ first: 500, last: 510 })).toEqual(["500-510", ...down.slice(1)]);
  expect(steps({ first: 12, last: 20 })).toEqual(["12-20", "16-21", "16-22", "16-23", "16-24", "16-25", "16-26", "16-27"]);
  expect(steps({ first: 22, last: 31 })).toEqual(["22-31", "21-27", "20-27", "19-27", "18-27", "17-27", "16-27"]);
  expect(steps({ first: 16, last: 20 }, 22)).toEqual(["16-20", "16-21"]);
  expect(towards({ first: 0, last: 0 }, { first: 0, last: 0 }, 0)).toEqual({ first: 0, last: 0 });
});
