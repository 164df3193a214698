// Pictures in rows of equal width: each row as high as the shapes of its pictures make it.

/** A row of a page: its pictures from `first` to before `end`. Height, and top within the page, are in pixels. */
export type Row = { first: number; end: number; top: number; height: number };

export type Shape = { width?: number | null; height?: number | null };

/** All in pixels: how wide the rows are, how high about, and what is left free between pictures. */
export type Form = { width: number; rowHeight: number; gap: number };

/** Width by height; a square for what has no size yet, and nothing wider or narrower than a grid can show. */
export const ratioOf = ({ width, height }: Shape) => (width && height ? Math.min(Math.max(width / height, 0.4), 3) : 1);

/** Lays the pictures of one page out in rows of about the wished height, all of them equally full. */
export function rowsOf(ratios: Float32Array, { width, rowHeight, gap }: Form): Row[] {
  const total = ratios.reduce((sum, ratio) => sum + ratio, 0);
  const count = Math.max(1, Math.round((total * rowHeight) / width));
  const rows: Row[] = [];
  let [first, before, sum, top] = [0, 0, 0, 0];
  ratios.forEach((ratio, at) => {
    sum += ratio;
    const isFull = sum + (ratios[at + 1] ?? 0) / 2 >= (total * (rows.length + 1)) / count;
    if (!isFull && at < ratios.length - 1) return;
    const room = width - gap * (at - first);
    // What does not fill a row is not stretched to it.
    const height = Math.round(Math.min(room / (sum - before), rowHeight * 1.5));
    rows.push({ first, end: at + 1, top, height });
    [first, before, top] = [at + 1, sum, top + height + gap];
  });
  return rows;
}
