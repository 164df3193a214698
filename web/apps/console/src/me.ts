// What whoever is signed in may do, how much room they have, and whether what they delete can be had back.

import { useQuery } from "@apollo/client/react";

import { graphql } from "./gql";
import type { Permission } from "./gql/graphql";

const ME = graphql(`
  query Me {
    me {
      id
      permissions
      storageUsed
      storageQuota
    }
    trashRetention
  }
`);

/** Nobody may do anything, and nothing can be had back, until it is known. */
export function useMe() {
  const { data } = useQuery(ME);
  return {
    may: (permission: Permission) => data?.me?.permissions.includes(permission) ?? false,
    hasTrash: (data?.trashRetention ?? 0) > 0,
    storageUsed: data?.me?.storageUsed ?? 0,
    storageQuota: data?.me?.storageQuota ?? null,
  };
}
