// The original and what was made of it.

import { words } from "../words";
import { sizeInWords } from "../words/numbers";
import type { ShownImage } from "./image-page";

export function Variants({ image: { url, width, height, fileSize, variants } }: { image: ShownImage }) {
  const original = url && width && height ? [{ name: words.original, url, width, height, fileSize: fileSize ?? 0 }] : [];
  return (
    <table>
      <caption>{words.variants}</caption>
      <thead>
        <tr>
          <th>{words.name}</th>
          <th>{words.inPixels}</th>
          <th>{words.bytes}</th>
        </tr>
      </thead>
      <tbody>
        {[...original, ...variants].map(({ name, url, width, height, fileSize }) => (
          <tr key={name}>
            <td>
              <a href={url}>{name}</a>
            </td>
            <td>
              {width} × {height}
            </td>
            <td>{sizeInWords(fileSize)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
