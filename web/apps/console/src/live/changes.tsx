// What happens to images while one looks: told by the server, to whoever shows images.

import { useApolloClient, useSubscription } from "@apollo/client/react";
import { type ReactNode, createContext, useCallback, useContext, useEffect, useMemo, useRef, useState } from "react";

import { graphql } from "../gql";
import type { ImageChangesSubscription } from "../gql/graphql";
import { onReconnected } from "../session";

/** In milliseconds: lists are not read more often than that, however much happens. */
const PAUSE = 500;
/** How many changes the live page shows. */
const KEPT = 200;

const CHANGES = graphql(`
  subscription ImageChanges {
    imageChanges {
      cursor
      kind
      happenedAt
      imageId
      image {
        ...Cell
        description
        tags
        owner {
          id
          email
        }
      }
    }
  }
`);

export type Change = ImageChangesSubscription["imageChanges"];
type Changes = {
  /** Another number whenever lists may be outdated. */
  version: number;
  /** Says that they are. */
  outdate: () => void;
  /** The latest first. */
  latest: readonly Change[];
};
const Context = createContext<Changes>({ version: 0, outdate: () => {}, latest: [] });
export const useChanges = () => useContext(Context);

export function ChangesProvider({ children }: { children: ReactNode }) {
  const { cache } = useApolloClient();
  const [version, setVersion] = useState(0);
  const [latest, setLatest] = useState<readonly Change[]>([]);
  const timer = useRef<number | undefined>(undefined);
  const outdate = useCallback(() => {
    timer.current ??= window.setTimeout(() => {
      timer.current = undefined;
      setVersion((before) => before + 1);
    }, PAUSE);
  }, []);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  // Nobody told of what happened while the connection was away.
  useEffect(() => onReconnected(outdate), [outdate]);
  useSubscription(CHANGES, {
    ignoreResults: true,
    onData: ({ data: { data } }) => {
      if (!data) return;
      const change = data.imageChanges;
      if (change.kind === "DELETED") cache.evict({ id: cache.identify({ __typename: "Image", id: change.imageId }) ?? "" });
      setLatest((before) => [change, ...before].slice(0, KEPT));
      outdate();
    },
  });
  const changes = useMemo(() => ({ version, outdate, latest }), [version, outdate, latest]);
  return <Context value={changes}>{children}</Context>;
}
