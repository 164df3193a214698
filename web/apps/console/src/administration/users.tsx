// Who has an account, in which groups they are, and whether they are let in.

import { useQuery } from "@apollo/client/react";
import { useDeferredValue, useState } from "react";
import { Button } from "react-aria-components";

import { graphql } from "../gql";
import type { UsersQuery } from "../gql/graphql";
import { useAction } from "../parts/action";
import Confirm from "../parts/confirm";
import { Answered, Problem } from "../parts/feedback";
import { ActionForm, Field } from "../parts/fields";
import { Ticks } from "../parts/tick";
import { words } from "../words";
import { momentInWords, sizeInWords } from "../words/numbers";

const USERS = graphql(`
  query Users($prefix: String!, $after: String) {
    users(prefix: $prefix, first: 50, after: $after) {
      nodes {
        id
        email
        displayName
        isAdmin
        isDeactivated
        lastLoginAt
        storageUsed
        storageQuota
        groups {
          id
          name
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
    groups {
      id
      name
    }
  }
`);
const INVITE = graphql(`
  mutation InviteUser($input: InviteUserInput!) {
    inviteUser(input: $input) {
      invitedEmail
      userErrors {
        message
      }
    }
  }
`);
const SET_GROUPS = graphql(`
  mutation SetUserGroups($input: SetUserGroupsInput!) {
    setUserGroups(input: $input) {
      user {
        id
        groups {
          id
          name
        }
      }
      userErrors {
        message
      }
    }
  }
`);
const DEACTIVATE = graphql(`
  mutation DeactivateUser($input: DeactivateUserInput!) {
    deactivateUser(input: $input) {
      user {
        id
        isDeactivated
      }
      userErrors {
        message
      }
    }
  }
`);
const REACTIVATE = graphql(`
  mutation ReactivateUser($input: ReactivateUserInput!) {
    reactivateUser(input: $input) {
      user {
        id
        isDeactivated
      }
      userErrors {
        message
      }
    }
  }
`);

type User = UsersQuery["users"]["nodes"][number];
type Group = UsersQuery["groups"][number];

export default function Users() {
  const [prefix, setPrefix] = useState("");
  const answer = useQuery(USERS, { variables: { prefix: useDeferredValue(prefix) }, fetchPolicy: "cache-and-network" });
  const invite = useAction(INVITE);
  const [invited, setInvited] = useState<string | null>(null);
  const shown = { data: answer.data ?? answer.previousData, error: answer.error };
  return (
    <section>
      <h1>{words.users}</h1>
      <ActionForm
        label={words.invite}
        action={invite}
        input={(form) => ({ email: form.text("email") })}
        onDone={({ inviteUser }) => setInvited(inviteUser.invitedEmail ?? null)}
      >
        <Field name="email" type="email" label={words.inviteUser} isRequired />
      </ActionForm>
      {invited && <p role="status">{words.invited(invited)}</p>}
      <input
        type="search"
        aria-label={words.search}
        placeholder={words.emailAddress}
        value={prefix}
        onChange={(event) => setPrefix(event.target.value)}
      />
      <Answered of={shown}>
        {({ users: { nodes, pageInfo }, groups }) => (
          <>
            <ul className="list" aria-label={words.users}>
              {nodes.map((user) => (
                <Row key={user.id} user={user} groups={groups} />
              ))}
            </ul>
            {pageInfo.hasNextPage && (
              <Button onPress={() => void answer.fetchMore({ variables: { after: pageInfo.endCursor ?? null } })}>{words.more}</Button>
            )}
          </>
        )}
      </Answered>
    </section>
  );
}

function Row({ user, groups }: { user: User; groups: readonly Group[] }) {
  const { id, email, displayName, isAdmin, isDeactivated, lastLoginAt, storageUsed, storageQuota } = user;
  const setGroups = useAction(SET_GROUPS);
  const deactivate = useAction(DEACTIVATE);
  const reactivate = useAction(REACTIVATE);
  const room = storageQuota == null ? sizeInWords(storageUsed) : words.bytesOf(sizeInWords(storageUsed), sizeInWords(storageQuota));
  const notes = [isAdmin && words.administrator, isDeactivated && words.deactivated].filter(Boolean).join(", ");
  return (
    <li>
      <span>
        <strong>{email}</strong> {displayName} <em>{notes}</em>
        <br />
        <span className="quiet">
          {words.storage}: {room}
          {lastLoginAt && `. ${words.lastSeen}: ${momentInWords(lastLoginAt)}`}
        </span>
        <Ticks
          label={words.groupsOf(email)}
          options={groups}
          value={user.groups.map((group) => group.id)}
          onChange={(groupIds) => setGroups.run({ userId: id, groupIds })}
        />
        <Problem>{setGroups.problem ?? deactivate.problem ?? reactivate.problem}</Problem>
      </span>
      <span className="actions">
        {isDeactivated ? (
          <Button aria-label={words.reactivateIt(email)} onPress={() => void reactivate.run({ userId: id })}>
            {words.reactivate}
          </Button>
        ) : (
          <Confirm label={words.deactivate} name={words.deactivateIt(email)} onConfirm={() => void deactivate.run({ userId: id })} />
        )}
      </span>
    </li>
  );
}
