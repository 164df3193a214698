// One of several: the browser's own list, which every keyboard and phone knows.

import { useId } from "react";

export type Option = { id: string; name: string };
type ChoiceProps = {
  label: string;
  options: readonly Option[];
  value: string;
  onChange: (id: string) => void;
  /** Whether the label is for screen readers alone. */
  isBare?: boolean;
};

export function Choice({ label, options, value, onChange, isBare = false }: ChoiceProps) {
  const id = useId();
  return (
    <span className="choice">
      <label htmlFor={id} className={isBare ? "hidden" : undefined}>
        {label}
      </label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
        {options.map((option) => (
          <option key={option.id} value={option.id}>
            {option.name}
          </option>
        ))}
      </select>
    </span>
  );
}
