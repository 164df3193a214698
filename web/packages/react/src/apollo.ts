// How Apollo Client's cache keeps Darkroom's lists: pages are joined, and each filter has a list of its own.

type Page = { nodes?: readonly unknown[]; edges?: readonly unknown[]; [field: string]: unknown };

/** A list by `first` and `after`. A page behind `after` is added to what is there; a first page takes its place. */
const pages = (...keyArgs: string[]) => ({
  keyArgs,
  merge(existing: Page | undefined, incoming: Page, { args }: { args: Record<string, unknown> | null }): Page {
    if (!existing || !args?.after) return incoming;
    const join = (name: "nodes" | "edges") => (incoming[name] ? { [name]: [...(existing[name] ?? []), ...incoming[name]] } : {});
    return { ...existing, ...incoming, ...join("nodes"), ...join("edges") };
  },
});

/** For `new InMemoryCache({ typePolicies })`. */
export const typePolicies = {
  Query: {
    fields: {
      images: pages("filter", "orderBy"),
      trash: pages(),
      albums: pages(),
      sharedWithMe: pages(),
      users: pages("prefix"),
      auditLog: pages("filter"),
      image: { read: (existing: unknown, { args, toReference }: ReadOptions) => existing ?? reference("Image", args, toReference) },
    },
  },
  Album: { fields: { images: pages() } },
};

type ReadOptions = { args: Record<string, unknown> | null; toReference: (object: { __typename: string; id: string }) => unknown };

/** An image of a list is known by its id before it is asked for. */
const reference = (__typename: string, args: Record<string, unknown> | null, toReference: ReadOptions["toReference"]) =>
  typeof args?.id === "string" ? toReference({ __typename, id: args.id }) : undefined;
