// Pictures in rows of equal width: each row as high as the shapes of its pictures make it.

/** A row of a page: its pictures from `first` to before `end`. Height, and top within the page, are in pixels. */
export type Row = { page: number; first: number; end: number; top: number; height: number };

export type Shape = { width?: number | null; height?: number | null };

/** Width by height; a square for what has no size yet, and nothing wider or narrower than a grid can show. */
export const ratioOf = ({ width, height }: Shape) => (width && height ? Math.min(Math.max(width / height, 0.4), 3) : 1);

/** Lays the pictures of one page out in rows of about `wished` pixels in height, all of them equally full. */
export function rowsOf(page: number, ratios: readonly number[], width: number, wished: number, gap: number): Row[] {
  const total = ratios.reduce((sum, ratio) => sum + ratio, 0);
  const count = Math.max(1, Math.round((total * wished) / width));
  const rows: Row[] = [];
  let [first, before, sum, top] = [0, 0, 0, 0];
  ratios.forEach((ratio, at) => {
    sum += ratio;
    const isFull = sum + (ratios[at + 1] ?? 0) / 2 >= (total * (rows.length + 1)) / count;
    if (!isFull && at < ratios.length - 1) return;
    const room = width - gap * (at - first);
    // What does not fill a row is not stretched to it.
    const height = Math.round(Math.min(room / (sum - before), wished * 1.5));
    rows.push({ page, first, end: at + 1, top, height });
    [first, before, top] = [at + 1, sum, top + height + gap];
  });
  return rows;
}
