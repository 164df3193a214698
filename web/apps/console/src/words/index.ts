// In which language the console speaks: the browser's own, unless another one was chosen.

import { en, type Words } from "./en";

export const LANGUAGES = { en: "English", ko: "한국어" };
export type Language = keyof typeof LANGUAGES;

const KEPT = "darkroom-language";

function preferred(): Language {
  const wished = [localStorage.getItem(KEPT), ...navigator.languages].map((tag) => tag?.slice(0, 2));
  return wished.find((tag): tag is Language => tag !== undefined && tag in LANGUAGES) ?? "en";
}

/** Shows the console anew in another language. */
export function speak(language: Language): void {
  localStorage.setItem(KEPT, language);
  window.location.reload();
}

export const language = preferred();
export const words: Words = language === "ko" ? (await import("./ko")).ko : en;
document.documentElement.lang = language;
