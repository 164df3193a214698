// Numbers and times, as people read them.

import { language } from ".";

const size = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"].map(
  (unit, power) =>
    new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: power ? "short" : "long", maximumSignificantDigits: 3 }),
);
const moment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const count = new Intl.NumberFormat(language);

/** Such as `2.4 MB`. */
export function sizeInWords(bytes: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), size.length - 1);
  return size[power]?.format(bytes / 1000 ** power) ?? `${bytes}`;
}

/** Such as `23 Nov 2026, 10:12`. */
export const momentInWords = (time: string) => moment.format(new Date(time));

/** Such as `12,345`. */
export const countInWords = (number: number) => count.format(number);
