// Groups, and what each permits to its members.

import { useQuery } from "@apollo/client/react";

import { graphql } from "../gql";
import type { GroupsQuery, Permission } from "../gql/graphql";
import { useAction } from "../parts/action";
import Confirm from "../parts/confirm";
import { Answered, Problem } from "../parts/feedback";
import { ActionForm, Field } from "../parts/fields";
import { Ticks } from "../parts/tick";
import { words } from "../words";

const GROUPS = graphql(`
  query Groups {
    groups {
      id
      name
      permissions
    }
  }
`);
const CREATE = graphql(`
  mutation CreateGroup($input: CreateGroupInput!) {
    createGroup(input: $input) {
      group {
        id
      }
      userErrors {
        message
      }
    }
  }
`);
const UPDATE = graphql(`
  mutation UpdateGroup($input: UpdateGroupInput!) {
    updateGroup(input: $input) {
      group {
        id
        permissions
      }
      userErrors {
        message
      }
    }
  }
`);
const DELETE = graphql(`
  mutation DeleteGroup($input: DeleteGroupInput!) {
    deleteGroup(input: $input) {
      deletedGroupId
      userErrors {
        message
      }
    }
  }
`);
const ALL: Permission[] = ["VIEW_ANY_IMAGE", "CHANGE_ANY_IMAGE", "DELETE_ANY_IMAGE", "MANAGE_CATEGORIES", "MANAGE_USERS"];
const PERMISSIONS = ALL.map((id) => ({ id, name: words.permissionNames[id] }));

export default function Groups() {
  const answer = useQuery(GROUPS, { fetchPolicy: "cache-and-network" });
  const create = useAction(CREATE, ["Groups"]);
  return (
    <section>
      <h1>{words.groups}</h1>
      <Answered of={answer}>
        {({ groups }) => (
          <ul className="list" aria-label={words.groups}>
            {groups.map((group) => (
              <Row key={group.id} group={group} />
            ))}
          </ul>
        )}
      </Answered>
      <h2>{words.newGroup}</h2>
      <ActionForm label={words.create} action={create} input={(form) => ({ name: form.text("name"), permissions: [] })}>
        <Field name="name" label={words.name} isRequired maxLength={100} />
      </ActionForm>
    </section>
  );
}

function Row({ group: { id, name, permissions } }: { group: GroupsQuery["groups"][number] }) {
  const update = useAction(UPDATE);
  const remove = useAction(DELETE, ["Groups"]);
  return (
    <li>
      <span>
        <strong>{name}</strong>
        <Ticks
          label={name}
          options={PERMISSIONS}
          value={permissions}
          onChange={(permissions) => update.run({ groupId: id, permissions })}
        />
        <Problem>{update.problem ?? remove.problem}</Problem>
      </span>
      <span className="actions">
        <Confirm label={words.delete} name={words.deleteIt(name)} onConfirm={() => void remove.run({ groupId: id })} />
      </span>
    </li>
  );
}
