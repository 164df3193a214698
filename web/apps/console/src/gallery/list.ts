// The list that the gallery shows, page by page, and what it is narrowed down to.

import { useApolloClient } from "@apollo/client/react";
import { useCallback, useMemo } from "react";

import { graphql } from "../gql";
import type { ImageFilter, ImageOrder, ImageStatus } from "../gql/graphql";

/** How many images are asked for at once. */
const PAGE = 60;

const IMAGES = graphql(`
  query Images($first: Int!, $after: String, $filter: ImageFilter, $orderBy: ImageOrder) {
    images(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
      nodes {
        ...Cell
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const EVERYTHING = "";
export const ORDERS = {
  newest: { field: "CREATED_AT", direction: "DESC" },
  oldest: { field: "CREATED_AT", direction: "ASC" },
  byTitle: { field: "TITLE", direction: "ASC" },
  largest: { field: "FILE_SIZE", direction: "DESC" },
} as const satisfies Record<string, ImageOrder>;
export type OrderName = keyof typeof ORDERS;

/** What somebody chose beside the gallery. */
export type Wish = {
  search: string;
  categoryId: string;
  status: ImageStatus | typeof EVERYTHING;
  tag: string;
  /** Days, such as `2026-11-23`. */
  from: string;
  until: string;
  order: OrderName;
};
export const FIRST_WISH: Wish = {
  search: "",
  categoryId: EVERYTHING,
  status: "COMPLETED",
  tag: "",
  from: "",
  until: "",
  order: "newest",
};

/** A function for `<ImageGrid>`: another one for each wish. Pages are held by the grid alone, which lets go of them. */
export function useImagePages(wish: Wish) {
  const client = useApolloClient();
  const filter = useMemo(() => filterOf(wish), [wish]);
  return useCallback(
    async (after: string | null) => {
      const variables = { first: PAGE, after, filter, orderBy: ORDERS[wish.order] };
      const { data } = await client.query({ query: IMAGES, variables, fetchPolicy: "no-cache" });
      if (!data) throw new Error("The server answered without images.");
      return data.images;
    },
    [client, filter, wish.order],
  );
}

function filterOf({ search, categoryId, status, tag, from, until }: Wish): ImageFilter {
  // A day begins and ends where its user is.
  const moment = (day: string, time: string) => new Date(`${day}T${time}`).toISOString();
  return {
    ...(search.trim() ? { search: search.trim() } : {}),
    ...(categoryId === EVERYTHING ? {} : { categoryId }),
    ...(status === EVERYTHING ? {} : { status: [status] }),
    ...(tag.trim() ? { tags: [tag.trim()] } : {}),
    ...(from ? { createdFrom: moment(from, "00:00:00") } : {}),
    ...(until ? { createdTo: moment(until, "23:59:59.999") } : {}),
  };
}
