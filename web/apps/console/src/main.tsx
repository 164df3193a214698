// The console: what somebody sees of Darkroom who uses no front end of their own.

import "./console.css";

import { ApolloProvider } from "@apollo/client/react";
import { DarkroomProvider } from "@darkroom/react";
import { StrictMode, lazy, useSyncExternalStore } from "react";
import { createRoot } from "react-dom/client";
import { I18nProvider } from "react-aria-components";
import { BrowserRouter, Navigate, Route, Routes } from "react-router";

import { Frame } from "./frame";
import { Gallery } from "./gallery/gallery";
import { apollo, endpoint, session } from "./session";
import { SignIn } from "./sign-in";
import { language } from "./words";

// Asked for when they are gone to.
const pages = {
  upload: lazy(() => import("./upload/upload-page")),
  "images/:id": lazy(() => import("./image/image-page")),
  albums: lazy(() => import("./albums/albums")),
  "albums/:id": lazy(() => import("./albums/album-page")),
  trash: lazy(() => import("./trash/trash")),
  live: lazy(() => import("./live/live-page")),
  statistics: lazy(() => import("./statistics/statistics")),
  categories: lazy(() => import("./administration/categories")),
  users: lazy(() => import("./administration/users")),
  groups: lazy(() => import("./administration/groups")),
  jobs: lazy(() => import("./administration/jobs")),
  audit: lazy(() => import("./administration/audit")),
};

function Console() {
  const user = useSyncExternalStore(
    (listener) => session.subscribe(listener),
    () => session.user,
  );
  if (!user) return <SignIn />;
  return (
    <ApolloProvider client={apollo}>
      <DarkroomProvider options={{ url: endpoint, token: session.token }}>
        <BrowserRouter basename="/console">
          <Routes>
            <Route element={<Frame user={user} />}>
              <Route index element={<Gallery />} />
              {Object.entries(pages).map(([path, Page]) => (
                <Route key={path} path={path} element={<Page />} />
              ))}
              <Route path="*" element={<Navigate to="/" replace />} />
            </Route>
          </Routes>
        </BrowserRouter>
      </DarkroomProvider>
    </ApolloProvider>
  );
}

// Whoever was signed in goes on.
await session.resume().catch(() => null);
const root = document.getElementById("root");
if (root)
  createRoot(root).render(
    <StrictMode>
      <I18nProvider locale={language}>
        <Console />
      </I18nProvider>
    </StrictMode>,
  );
