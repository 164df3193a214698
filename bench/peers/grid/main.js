// As many images as the address says, each under a URL of its own, as the component's own demo shows them.

import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { VirtuosoGrid } from "react-virtuoso";

const count = Number(location.hash.slice(1));
const itemContent = (at) => createElement("img", { src: `/media/${at}.png`, alt: `Image ${at}`, loading: "lazy", decoding: "async" });
const grid = createElement(VirtuosoGrid, { totalCount: count, itemContent, useWindowScroll: true, listClassName: "cells", overscan: 800 });
createRoot(document.getElementById("root")).render(grid);
