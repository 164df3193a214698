// What is around every page: where one is, where one can go, and who one is.

import type { SessionUser } from "@darkroom/client";
import { Suspense } from "react";
import { Button } from "react-aria-components";
import { NavLink, Outlet } from "react-router";

import type { Permission } from "./gql/graphql";
import { ChangesProvider } from "./live/changes";
import { useMe } from "./me";
import { Choice } from "./parts/choice";
import { apollo, session } from "./session";
import { LANGUAGES, type Language, language, speak, words } from "./words";

/** Where one can go, and what one needs to be let in there. */
const PAGES: readonly { to: string; name: string; needs?: Permission; needsTrash?: boolean }[] = [
  { to: "/", name: words.images },
  { to: "/upload", name: words.upload },
  { to: "/albums", name: words.albums },
  { to: "/trash", name: words.trash, needsTrash: true },
  { to: "/live", name: words.live },
  { to: "/statistics", name: words.statistics },
  { to: "/categories", name: words.categories, needs: "MANAGE_CATEGORIES" },
  { to: "/users", name: words.users, needs: "MANAGE_USERS" },
  { to: "/groups", name: words.groups, needs: "MANAGE_USERS" },
  { to: "/jobs", name: words.jobs, needs: "CHANGE_ANY_IMAGE" },
  { to: "/audit", name: words.audit, needs: "MANAGE_USERS" },
];

async function signOut() {
  await session.logOut();
  await apollo.clearStore();
}

export function Frame({ user }: { user: SessionUser }) {
  const me = useMe();
  const languages = Object.entries(LANGUAGES).map(([id, name]) => ({ id, name }));
  return (
    <ChangesProvider>
      <header className="frame">
        <strong>Darkroom</strong>
        <nav aria-label={words.pages}>
          {PAGES.filter(({ needs, needsTrash }) => (!needs || me.may(needs)) && (!needsTrash || me.hasTrash)).map(({ to, name }) => (
            <NavLink key={to} to={to} end={to === "/"}>
              {name}
            </NavLink>
          ))}
        </nav>
        <span className="who">{user.email}</span>
        <Choice isBare label={words.language} options={languages} value={language} onChange={(id) => speak(id as Language)} />
        <Button onPress={() => void signOut()}>{words.signOut}</Button>
      </header>
      <main>
        <Suspense fallback={<p role="status">{words.loading}</p>}>
          <Outlet />
        </Suspense>
      </main>
    </ChangesProvider>
  );
}
