// What the gallery is narrowed down to.

import { useQuery } from "@apollo/client/react";
import { memo, useId } from "react";

import { graphql } from "../gql";
import type { ImageStatus } from "../gql/graphql";
import { Choice } from "../parts/choice";
import { words } from "../words";
import { EVERYTHING, ORDERS, type OrderName, type Wish } from "./list";

const CHOICES = graphql(`
  query FilterChoices {
    categories {
      id
      name
    }
    tags(first: 100) {
      tag
      count
    }
  }
`);
const STATUSES: ImageStatus[] = ["COMPLETED", "PROCESSING", "UPLOADING", "PENDING", "FAILED"];

type FiltersProps = { wish: Wish; onChange: (wish: Wish) => void };

/** Not rendered again for each page of the list. */
export const Filters = memo(function Filters({ wish, onChange }: FiltersProps) {
  const { data } = useQuery(CHOICES);
  const change = (part: Partial<Wish>) => onChange({ ...wish, ...part });
  const categories = [{ id: EVERYTHING, name: words.allCategories }, ...(data?.categories ?? [])];
  const statuses = [{ id: EVERYTHING, name: words.anyStatus }, ...STATUSES.map((id) => ({ id, name: words.statuses[id] }))];
  const orders = Object.keys(ORDERS).map((id) => ({ id, name: words[id as OrderName] }));
  const tags = useId();
  return (
    <search className="filters">
      <input
        type="search"
        aria-label={words.search}
        placeholder={words.searchHint}
        value={wish.search}
        onChange={(event) => change({ search: event.target.value })}
      />
      <Choice
        isBare
        label={words.category}
        options={categories}
        value={wish.categoryId}
        onChange={(categoryId) => change({ categoryId })}
      />
      <Choice
        isBare
        label={words.status}
        options={statuses}
        value={wish.status}
        onChange={(status) => change({ status: status as Wish["status"] })}
      />
      <input
        aria-label={words.tag}
        placeholder={words.tag}
        list={tags}
        value={wish.tag}
        onChange={(event) => change({ tag: event.target.value })}
      />
      <datalist id={tags}>
        {data?.tags.map(({ tag }) => (
          <option key={tag} value={tag} />
        ))}
      </datalist>
      <Day label={words.from} value={wish.from} onChange={(from) => change({ from })} />
      <Day label={words.until} value={wish.until} onChange={(until) => change({ until })} />
      <Choice isBare label={words.order} options={orders} value={wish.order} onChange={(order) => change({ order: order as OrderName })} />
    </search>
  );
});

function Day({ label, value, onChange }: { label: string; value: string; onChange: (day: string) => void }) {
  const id = useId();
  return (
    <span className="choice">
      <label htmlFor={id}>{label}</label>
      <input id={id} type="date" value={value} onChange={(event) => onChange(event.target.value)} />
    </span>
  );
}
