// Signing in: by a password and a code, by a passkey, or by a provider of identities.

import { DarkroomError, type SignInProvider } from "@darkroom/client";
import { type SubmitEvent, useEffect, useState } from "react";
import { Button } from "react-aria-components";

import { Problem } from "./parts/feedback";
import { Field, Written } from "./parts/fields";
import { session } from "./session";
import { words } from "./words";

export function SignIn() {
  const [problem, setProblem] = useState<string | null>(null);
  const [needsCode, setNeedsCode] = useState(false);
  const [elsewhere, setElsewhere] = useState<SignInProvider[]>([]);
  useEffect(() => void session.providers(window.location.href).then(setElsewhere, () => null), []);

  const attempt = (signIn: () => Promise<unknown>) =>
    signIn().catch((error: unknown) => {
      const isCode = error instanceof DarkroomError && error.code === "SECOND_FACTOR_REQUIRED";
      setNeedsCode((needed) => needed || isCode);
      setProblem(isCode && !needsCode ? null : error instanceof Error ? error.message : String(error));
    });
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new Written(event.currentTarget);
    void attempt(() => session.logIn(form.text("email"), form.secret("password"), needsCode ? form.text("code") : undefined));
  };

  return (
    <main className="sign-in">
      <h1>Darkroom</h1>
      <form onSubmit={submit}>
        <Field name="email" type="email" label={words.emailAddress} isRequired autoComplete="username" autoFocus />
        <Field name="password" type="password" label={words.password} isRequired autoComplete="current-password" />
        {needsCode && <Field name="code" label={words.secondFactor} isRequired autoComplete="one-time-code" autoFocus />}
        <Problem>{problem}</Problem>
        <Button type="submit" className="primary">
          {words.signIn}
        </Button>
        {"PublicKeyCredential" in window && (
          <Button onPress={() => void attempt(() => session.logInWithPasskey())}>{words.signInByPasskey}</Button>
        )}
        {elsewhere.map(({ title, url }) => (
          <a key={url} href={url} className="button">
            {words.signInBy(title)}
          </a>
        ))}
      </form>
    </main>
  );
}
