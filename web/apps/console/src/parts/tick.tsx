// A box to tick, of a form or by itself.

import { type InputHTMLAttributes, type ReactNode, startTransition, useOptimistic } from "react";

type TickProps = Omit<InputHTMLAttributes<HTMLInputElement>, "type"> & { children: ReactNode };

export function Tick({ children, ...input }: TickProps) {
  return (
    <label className="tick">
      <input type="checkbox" {...input} /> {children}
    </label>
  );
}

type TicksProps<Id extends string> = {
  label: string;
  options: readonly { id: Id; name: string }[];
  value: readonly Id[];
  /** Resolves once it is done or refused. */
  onChange: (value: Id[]) => Promise<unknown>;
};

/** Any number of several. What is ticked is shown at once, and taken back where it is refused. */
export function Ticks<Id extends string>({ label, options, value, onChange }: TicksProps<Id>) {
  const [shown, show] = useOptimistic(value);
  const change = (id: Id, isTicked: boolean) =>
    startTransition(async () => {
      const next = isTicked ? [...shown, id] : shown.filter((one) => one !== id);
      show(next);
      await onChange(next);
    });
  return (
    <span role="group" aria-label={label} className="line">
      {options.map(({ id, name }) => (
        <Tick key={id} checked={shown.includes(id)} onChange={(event) => change(id, event.target.checked)}>
          {name}
        </Tick>
      ))}
    </span>
  );
}
