//! The page itself. Whatever people wrote is escaped by the macro.

use std::{collections::BTreeSet, sync::LazyLock};

use axum::http::HeaderValue;
use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};
use url::Url;

use super::Shown;
use crate::domain::{mail::Language, sharing::Album};

const STYLE: &str = "body{margin:0 auto;max-width:75rem;padding:1rem;font-family:system-ui,sans-serif;\
    background:#16181d;color:#e8e8e8}a{color:inherit}img{display:block;max-width:100%;height:auto;border-radius:.25rem}\
    figure{margin:0}figcaption{padding:.5rem 0}p{white-space:pre-line}\
    .album{display:grid;gap:.5rem;grid-template-columns:repeat(auto-fill,minmax(14rem,1fr))}\
    .album img{width:100%;aspect-ratio:1;object-fit:cover}input,button{font:inherit;padding:.5rem}\
    [role=alert]{color:#ff9b8f}";

/// What a page says in one language.
#[derive(Clone, Copy)]
pub(super) struct Texts {
    lang: &'static str,
    shared_image: &'static str,
    password: &'static str,
    open: &'static str,
    more: &'static str,
    original: &'static str,
    pub wrong_password: &'static str,
    pub not_found: &'static str,
    pub too_much: &'static str,
    pub away: &'static str,
}

impl Texts {
    pub(super) const fn of(language: Language) -> Self {
        match language {
            Language::English => Self {
                lang: "en",
                shared_image: "A shared image",
                password: "Password",
                open: "Open",
                more: "More images",
                original: "Original file",
                wrong_password: "This is not the password of the link.",
                not_found: "This link is not valid, or shows nothing any more.",
                too_much: "Too many attempts: try again in a moment.",
                away: "The server cannot show this page at present: try again in a moment.",
            },
            Language::Korean => Self {
                lang: "ko",
                shared_image: "공유된 이미지",
                password: "비밀번호",
                open: "열기",
                more: "이미지 더 보기",
                original: "원본 파일",
                wrong_password: "이 링크의 비밀번호가 아닙니다.",
                not_found: "이 링크는 유효하지 않거나 더 이상 아무것도 보여 주지 않습니다.",
                too_much: "시도가 너무 많습니다. 잠시 후 다시 시도해 주세요.",
                away: "지금은 이 페이지를 표시할 수 없습니다. 잠시 후 다시 시도해 주세요.",
            },
        }
    }
}

/// The whole page around its content.
pub(super) fn page(texts: Texts, content: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(texts.lang) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Darkroom" }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (content) } }
        }
    }
}

pub(super) fn message(text: &str) -> Markup {
    html! { p role="alert" { (text) } }
}

pub(super) fn password_form(texts: Texts, error: Option<&str>) -> Markup {
    html! {
        form method="post" {
            @if let Some(error) = error { p role="alert" { (error) } }
            label { (texts.password) " " input type="password" name="password" required autocomplete="off" autofocus; }
            " "
            button { (texts.open) }
        }
    }
}

pub(super) fn image(texts: Texts, shown: &[Shown]) -> Markup {
    html! {
        @for shown in shown {
            figure {
                img src=(shown.src) srcset=(shown.src_set) sizes="(max-width: 75rem) 100vw, 75rem"
                    width=(shown.width) height=(shown.height) alt=(alternative(texts, shown));
                figcaption {
                    @if !shown.title.is_empty() { h1 { (shown.title) } }
                    @if !shown.description.is_empty() { p { (shown.description) } }
                    @if let Some(original) = &shown.original { a href=(original) { (texts.original) } }
                }
            }
        }
    }
}

pub(super) fn album(texts: Texts, album: &Album, shown: &[Shown], next: Option<&str>) -> Markup {
    html! {
        h1 { (album.name) }
        @if !album.description.is_empty() { p { (album.description) } }
        div.album {
            @for shown in shown {
                figure {
                    a href=(shown.original.as_ref().unwrap_or(&shown.src)) {
                        img src=(shown.src) srcset=(shown.src_set) sizes="(max-width: 30rem) 100vw, 20rem"
                            width=(shown.width) height=(shown.height) loading="lazy" alt=(alternative(texts, shown));
                    }
                    @if !shown.title.is_empty() { figcaption { (shown.title) } }
                }
            }
        }
        @if let Some(next) = next { p { a href=(format!("?after={next}")) { (texts.more) } } }
    }
}

fn alternative(texts: Texts, shown: &Shown) -> &str {
    [&shown.alt_text, &shown.title].into_iter().find(|text| !text.is_empty()).map_or(texts.shared_image, String::as_str)
}

/// No script, no frame, pictures from where these are, and the one style.
pub(super) fn policy(shown: &[Shown]) -> Option<HeaderValue> {
    static STYLE_HASH: LazyLock<String> = LazyLock::new(|| STANDARD.encode(Sha256::digest(STYLE)));
    let origin = |shown: &Shown| Some(Url::parse(&shown.src).ok()?.origin().ascii_serialization());
    let origins: BTreeSet<String> = shown.iter().filter_map(origin).collect();
    let images = if origins.is_empty() { "'none'".to_owned() } else { Vec::from_iter(origins).join(" ") };
    let style = STYLE_HASH.as_str();
    let policy = format!(
        "default-src 'none'; img-src {images}; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).ok()
}
