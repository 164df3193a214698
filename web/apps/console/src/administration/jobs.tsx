// The making of all variants anew: begun, followed, cancelled.

import { useMutation, useQuery } from "@apollo/client/react";
import { Button, ProgressBar } from "react-aria-components";

import { graphql } from "../gql";
import type { RegenerationQuery } from "../gql/graphql";
import { useAction } from "../parts/action";
import Confirm from "../parts/confirm";
import { Answered, Problem } from "../parts/feedback";
import { words } from "../words";
import { momentInWords } from "../words/numbers";

/** In milliseconds: nobody tells of this job, so it is asked about. */
const POLL = 2000;

const REGENERATION = graphql(`
  query Regeneration {
    regeneration {
      id
      status
      total
      examined
      remade
      failed
      startedAt
      endedAt
    }
  }
`);
const START = graphql(`
  mutation RegenerateVariants($input: RegenerateVariantsInput!) {
    regenerateVariants(input: $input) {
      regeneration {
        id
      }
      userErrors {
        message
      }
    }
  }
`);
const CANCEL = graphql(`
  mutation CancelRegeneration {
    cancelRegeneration {
      regeneration {
        id
        status
      }
      userErrors {
        message
      }
    }
  }
`);

export default function Jobs() {
  const answer = useQuery(REGENERATION, { fetchPolicy: "cache-and-network", pollInterval: POLL });
  const start = useAction(START, ["Regeneration"]);
  return (
    <section>
      <h1>{words.jobs}</h1>
      <h2>{words.regenerate}</h2>
      <p>{words.regenerationExplained}</p>
      <Problem>{start.problem}</Problem>
      <Answered of={answer}>
        {({ regeneration }) => (
          <>
            {regeneration ? <Run run={regeneration} /> : <p className="quiet">{words.noJob}</p>}
            {regeneration?.status !== "RUNNING" && <Confirm label={words.regenerate} onConfirm={() => void start.run({})} />}
          </>
        )}
      </Answered>
    </section>
  );
}

function Run({ run }: { run: NonNullable<RegenerationQuery["regeneration"]> }) {
  const { status, total, examined, remade, failed, startedAt, endedAt } = run;
  const [cancel, { loading }] = useMutation(CANCEL);
  return (
    <>
      <ProgressBar
        aria-label={words.regenerate}
        value={examined}
        maxValue={Math.max(total, 1)}
        valueLabel={words.jobProgress(examined, total)}
      >
        {({ percentage, valueText }) => (
          <>
            <div className="bar">
              <div style={{ width: `${percentage ?? 0}%` }} />
            </div>
            <span className="quiet">
              {valueText}; {words.jobCounts(remade, failed)}
            </span>
          </>
        )}
      </ProgressBar>
      <p className="quiet">
        {momentInWords(startedAt)}
        {endedAt && ` – ${momentInWords(endedAt)}`}
      </p>
      {status === "RUNNING" && (
        <Button isDisabled={loading} onPress={() => void cancel()}>
          {words.cancel}
        </Button>
      )}
    </>
  );
}
