// Who else sees an image or an album: by a link, or by an account.

import { useState } from "react";
import { Button } from "react-aria-components";

import { graphql } from "../gql";
import type { SharedByLinkFragment, SharedWithFragment } from "../gql/graphql";
import { useAction } from "../parts/action";
import { Problem } from "../parts/feedback";
import { ActionForm, Field } from "../parts/fields";
import { Tick } from "../parts/tick";
import { words } from "../words";
import { momentInWords } from "../words/numbers";

graphql(`
  fragment SharedWith on Share {
    id
    access
    email
    group {
      id
      name
    }
  }
`);
graphql(`
  fragment SharedByLink on ShareLink {
    id
    url
    createdAt
    expiresAt
    hasPassword
    allowsOriginal
    viewCount
  }
`);
const CREATE_LINK = graphql(`
  mutation CreateShareLink($input: CreateShareLinkInput!) {
    createShareLink(input: $input) {
      shareLink {
        id
        url
      }
      userErrors {
        message
      }
    }
  }
`);
const END_LINK = graphql(`
  mutation RevokeShareLink($input: RevokeShareLinkInput!) {
    revokeShareLink(input: $input) {
      revokedShareLinkId
      userErrors {
        message
      }
    }
  }
`);
const SHARE = graphql(`
  mutation Share($input: ShareInput!) {
    share(input: $input) {
      share {
        id
      }
      userErrors {
        message
      }
    }
  }
`);
const UNSHARE = graphql(`
  mutation Unshare($input: UnshareInput!) {
    unshare(input: $input) {
      removedShareId
      userErrors {
        message
      }
    }
  }
`);

type SharingProps = {
  target: { imageId: string } | { albumId: string };
  shares: readonly SharedWithFragment[];
  links: readonly SharedByLinkFragment[];
  /** The name of the query that gives both. */
  refetched: string;
};

export function Sharing({ target, shares, links, refetched }: SharingProps) {
  return (
    <section className="sharing">
      <h2>{words.sharing}</h2>
      <Links target={target} links={links} refetched={refetched} />
      <Shares target={target} shares={shares} refetched={refetched} />
    </section>
  );
}

function Links({ target, links, refetched }: Pick<SharingProps, "target" | "links" | "refetched">) {
  const create = useAction(CREATE_LINK, [refetched]);
  const end = useAction(END_LINK, [refetched]);
  return (
    <>
      <ul className="list">
        {links.map(({ id, url, expiresAt, viewCount }) => (
          <li key={id}>
            <span>
              <a href={url}>{url}</a>
              <br />
              <span className="quiet">
                {words.linkViews(viewCount)}
                {expiresAt && `, ${words.linkUntil(momentInWords(expiresAt))}`}
              </span>
            </span>
            <span className="actions">
              <Copy text={url} />
              <Button onPress={() => void end.run({ shareLinkId: id })}>{words.endLink}</Button>
            </span>
          </li>
        ))}
      </ul>
      <ActionForm
        label={words.createLink}
        action={create}
        input={(form) => ({
          ...target,
          allowOriginal: form.has("original"),
          ...(form.text("password") && { password: form.text("password") }),
        })}
      >
        <Field name="password" label={words.linkPassword} type="password" autoComplete="new-password" minLength={6} />
        <Tick name="original">{words.linkOriginal}</Tick>
      </ActionForm>
      <Problem>{end.problem}</Problem>
    </>
  );
}

function Copy({ text }: { text: string }) {
  const [isDone, setDone] = useState(false);
  const copy = () =>
    void navigator.clipboard.writeText(text).then(
      () => setDone(true),
      () => setDone(false),
    );
  return <Button onPress={copy}>{isDone ? words.copied : words.copy}</Button>;
}

function Shares({ target, shares, refetched }: Pick<SharingProps, "target" | "shares" | "refetched">) {
  const share = useAction(SHARE, [refetched]);
  const end = useAction(UNSHARE, [refetched]);
  return (
    <>
      <ul className="list">
        {shares.map(({ id, access, email, group }) => {
          const who = email ?? group?.name ?? "";
          return (
            <li key={id}>
              <span>
                {who} <span className="quiet">{access === "EDIT" ? words.mayEdit : words.maySee}</span>
              </span>
              <span className="actions">
                <Button aria-label={words.endShare(who)} onPress={() => void end.run({ shareId: id })}>
                  {words.remove}
                </Button>
              </span>
            </li>
          );
        })}
      </ul>
      <ActionForm
        label={words.share}
        action={share}
        input={(form) => ({ ...target, email: form.text("email"), access: form.has("edit") ? ("EDIT" as const) : ("VIEW" as const) })}
      >
        <Field name="email" label={words.shareWith} type="email" isRequired />
        <Tick name="edit">{words.mayEdit}</Tick>
      </ActionForm>
      <Problem>{end.problem}</Problem>
    </>
  );
}
