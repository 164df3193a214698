/** @type {import("next").NextConfig} */
export default {
  // The packages are beside this example; a project of its own needs no root.
  turbopack: { root: import.meta.dirname },
};
