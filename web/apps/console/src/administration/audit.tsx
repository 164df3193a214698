// Who did what, and when.

import { useQuery } from "@apollo/client/react";
import { Button } from "react-aria-components";
import { useSearchParams } from "react-router";

import { graphql } from "../gql";
import { Answered } from "../parts/feedback";
import { words } from "../words";
import { momentInWords } from "../words/numbers";

const AUDIT = graphql(`
  query AuditLog($after: String, $filter: AuditLogFilter) {
    auditLog(first: 50, after: $after, filter: $filter) {
      nodes {
        id
        action
        at
        address
        actorId
        targetId
        details
        actor {
          id
          email
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

/** All of it, or what was done to one object: `?target=…`. */
export default function Audit() {
  const target = useSearchParams()[0].get("target");
  return (
    <section>
      <h1>{words.audit}</h1>
      <AuditLog targetId={target} />
    </section>
  );
}

export function AuditLog({ targetId }: { targetId: string | null }) {
  const filter = targetId ? { targetId } : null;
  const answer = useQuery(AUDIT, { variables: { filter }, fetchPolicy: "cache-and-network" });
  return (
    <Answered of={answer}>
      {({ auditLog: { nodes, pageInfo } }) => (
        <>
          <div className="wide" tabIndex={0} role="region" aria-label={words.audit}>
            <table>
              <thead>
                <tr>
                  <th>{words.time}</th>
                  <th>{words.action}</th>
                  <th>{words.actor}</th>
                  <th>{words.object}</th>
                  <th>{words.details}</th>
                </tr>
              </thead>
              <tbody>
                {nodes.map(({ id, action, at, address, actor, actorId, targetId, details }) => (
                  <tr key={id}>
                    <td>{momentInWords(at)}</td>
                    <td>{words.actionName(action)}</td>
                    <td>
                      {actor?.email ?? actorId ?? ""} <span className="quiet">{address}</span>
                    </td>
                    <td>{targetId && <code>{targetId}</code>}</td>
                    <td>{details !== null && details !== undefined && <code>{JSON.stringify(details)}</code>}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {pageInfo.hasNextPage && (
            <Button onPress={() => void answer.fetchMore({ variables: { after: pageInfo.endCursor ?? null } })}>{words.more}</Button>
          )}
        </>
      )}
    </Answered>
  );
}
