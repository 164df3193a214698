// How many images there are, of what, and how much room they take.

import { useQuery } from "@apollo/client/react";
import { useEffect } from "react";

import { graphql } from "../gql";
import { useChanges } from "../live/changes";
import { useMe } from "../me";
import { Answered } from "../parts/feedback";
import { words } from "../words";
import { countInWords, sizeInWords } from "../words/numbers";
import { Chart } from "./chart";

const STATISTICS = graphql(`
  query Statistics {
    imageStats {
      totalImages
      totalSize
      byStatus {
        status
        count
      }
      byCategory {
        category {
          id
          name
        }
        count
        totalSize
      }
      byDay {
        day
        count
      }
    }
  }
`);

export default function Statistics() {
  const answer = useQuery(STATISTICS, { fetchPolicy: "cache-and-network" });
  const { version } = useChanges();
  const { refetch } = answer;
  useEffect(() => void (version > 0 && refetch()), [version, refetch]);
  return (
    <section className="statistics">
      <h1>{words.statistics}</h1>
      <Quota />
      <Answered of={answer}>
        {({ imageStats: { totalImages, totalSize, byStatus, byCategory, byDay } }) => (
          <>
            <p>{words.imagesOf(countInWords(totalImages), sizeInWords(totalSize))}</p>
            <Chart
              title={words.byDay}
              kind="line"
              inWords={countInWords}
              values={byDay.map(({ day, count }) => ({ name: day, value: count }))}
            />
            <Chart
              title={words.byStatus}
              inWords={countInWords}
              values={byStatus.map(({ status, count }) => ({ name: words.statuses[status], value: count }))}
            />
            <Chart
              title={words.byCategory}
              inWords={countInWords}
              values={byCategory.map(({ category, count }) => ({ name: category.name, value: count }))}
            />
            <Chart
              title={words.storageBy}
              inWords={sizeInWords}
              values={byCategory.map(({ category, totalSize }) => ({ name: category.name, value: totalSize }))}
            />
          </>
        )}
      </Answered>
    </section>
  );
}

function Quota() {
  const { storageUsed, storageQuota } = useMe();
  if (storageQuota === null) return null;
  return (
    <p>
      <meter aria-label={words.quotaUsed} min={0} max={storageQuota} value={storageUsed} />{" "}
      {words.quota(sizeInWords(storageUsed), sizeInWords(storageQuota))}
    </p>
  );
}
