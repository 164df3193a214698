// Fields of forms, and what was written into them.

import type { ReactNode, SubmitEvent } from "react";
import { Button, FieldError, Input, Label, TextField, type TextFieldProps } from "react-aria-components";

import type { Action } from "./action";
import { Problem } from "./feedback";

export function Field({ label, ...props }: { label: string } & TextFieldProps) {
  return (
    <TextField {...props}>
      <Label>{label}</Label>
      <Input />
      <FieldError />
    </TextField>
  );
}

type ActionFormProps<Data, Input> = {
  label: string;
  action: Action<Data, Input>;
  input: (form: Written) => Input;
  onDone?: (data: Data) => void;
  children: ReactNode;
};

/** A form that runs an action, and is emptied once that is done. */
export function ActionForm<Data, Input>({ label, action, input, onDone, children }: ActionFormProps<Data, Input>) {
  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const done = await action.run(input(new Written(form)));
    if (done === null) return;
    form.reset();
    onDone?.(done);
  };
  return (
    <form className="line" onSubmit={(event) => void submit(event)} aria-label={label}>
      {children}
      <Button type="submit" className="primary" isDisabled={action.isBusy}>
        {label}
      </Button>
      <Problem>{action.problem}</Problem>
    </form>
  );
}

/** What somebody wrote into a form. */
export class Written {
  readonly #data: FormData;
  constructor(form: HTMLFormElement) {
    this.#data = new FormData(form);
  }
  /** With all of its spaces. */
  secret(name: string): string {
    const value = this.#data.get(name);
    return typeof value === "string" ? value : "";
  }
  text(name: string): string {
    return this.secret(name).trim();
  }
  /** Separated by commas. */
  list(name: string): string[] {
    return this.text(name)
      .split(",")
      .map((item) => item.trim())
      .filter(Boolean);
  }
  has(name: string): boolean {
    return this.#data.has(name);
  }
}
