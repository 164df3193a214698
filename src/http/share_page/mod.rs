//! `/s/{token}`: the page of a link, for people without an account. No script runs in it, and it is kept by nobody.

mod html;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use cookie::{Cookie, SameSite, time};
use maud::Markup;
use serde::Deserialize;
use tokio::time::timeout;
use url::form_urlencoded;

use self::html::{Texts, page};
use super::{HttpState, client_address};
use crate::{
    domain::{
        caller::CallerKey,
        error::{Refusal, ServiceError, ServiceResult, UserErrorCode},
        ids::ImageId,
        image::Image,
        mail::Language,
        sharing::{AlbumPlace, PlacedImage},
    },
    permits::Permit,
    sharing::{Opened, OpenedLink, PASS_LIFE, SharedThing},
};

/// In points: a few look-ups.
const PRICE: u64 = 100;
/// In points: what the API would cost.
const PRICE_OF_IMAGE: u64 = 200;
/// In points: what the log-in costs.
const PRICE_OF_PASSWORD: u64 = 500;
const IMAGES_ON_A_PAGE: u64 = 60;
/// In bytes: a password, encoded.
const MAX_BODY: usize = 8 * 1024;
/// How long its sender may take for it.
const PATIENCE: Duration = Duration::from_secs(10);
const PASS_COOKIE: &str = "darkroom_link";

/// A picture as a page has it.
struct Shown {
    title: String,
    description: String,
    alt_text: String,
    width: u32,
    height: u32,
    /// The largest variant of the picture's own shape.
    src: String,
    src_set: String,
    original: Option<String>,
}

/// The place in an album behind which the page begins, as `after` has it: `place.id`.
#[derive(Deserialize)]
struct After {
    after: Option<String>,
}

pub(super) fn routes() -> Router<Arc<HttpState>> {
    Router::new().route("/s/{token}", get(look).post(give_password))
}

async fn look(
    State(state): State<Arc<HttpState>>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<After>, QueryRejection>,
    parts: Parts,
) -> Response {
    let texts = Texts::of(language(&parts.headers));
    let (Ok(Path(token)), Ok(Query(After { after }))) = (path, query) else {
        return answer(texts, Err(Refusal::of(UserErrorCode::InvalidToken, texts.not_found).into()));
    };
    let shown = async {
        let _turn = turn(&state, &parts).await?;
        charge(&state, &parts, PRICE)?;
        let sharing = &state.services.sharing;
        match sharing.look_at_link(&token, pass(&parts.headers).as_deref()).await? {
            Opened::WantsPassword => Ok((StatusCode::OK, html::password_form(texts, None), Vec::new())),
            Opened::Shown(opened) => {
                let after = after.as_deref().and_then(place);
                if after.is_none() && parts.method == Method::GET {
                    sharing.count_view(&opened.link);
                }
                show(&state, &parts, texts, &opened, after).await
            }
        }
    };
    answer(texts, shown.await)
}

async fn give_password(
    State(state): State<Arc<HttpState>>,
    path: Result<Path<String>, PathRejection>,
    parts: Parts,
    body: Body,
) -> Response {
    let texts = Texts::of(language(&parts.headers));
    let Ok(Path(token)) = path else {
        return answer(texts, Err(Refusal::of(UserErrorCode::InvalidToken, texts.not_found).into()));
    };
    let body = match timeout(PATIENCE, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let password = form_urlencoded::parse(&body).find(|(name, _)| name == "password");
    let password = password.map(|(_, password)| password.into_owned());
    let opened = async {
        let _turn = turn(&state, &parts).await?;
        charge(&state, &parts, PRICE_OF_PASSWORD)?;
        state.services.sharing.open_link(&token, password, client_address(&state, &parts)).await
    };
    match opened.await {
        Ok(opened) => {
            let mut response = Redirect::to(state.services.sharing.link_url(&opened.link).path()).into_response();
            response.headers_mut().extend(pass_cookie(&state, &opened).map(|cookie| (header::SET_COOKIE, cookie)));
            response
        }
        Err(ServiceError::Refused(refusals))
            if refusals.iter().any(|one| one.code == UserErrorCode::InvalidCredentials) =>
        {
            answer(
                texts,
                Ok((StatusCode::FORBIDDEN, html::password_form(texts, Some(texts.wrong_password)), Vec::new())),
            )
        }
        Err(error) => answer(texts, Err(error)),
    }
}

/// Waits for the address's turn, as operations do.
async fn turn(state: &HttpState, parts: &Parts) -> ServiceResult<Permit<CallerKey>> {
    let asker = CallerKey::of_address(client_address(state, parts));
    let turn = state.turns.acquire(asker, 1).await;
    turn.map_err(|_| ServiceError::RateLimited { retry_after: Duration::from_secs(1) })
}

fn charge(state: &HttpState, parts: &Parts, points: u64) -> ServiceResult<()> {
    let asker = CallerKey::of_address(client_address(state, parts));
    Ok(state.services.budget.charge(asker, points).map(drop)?)
}

/// What a link shows, and where its pictures come from.
async fn show(
    state: &HttpState,
    parts: &Parts,
    texts: Texts,
    opened: &OpenedLink,
    after: Option<(AlbumPlace, ImageId)>,
) -> ServiceResult<(StatusCode, Markup, Vec<Shown>)> {
    let shows_original = opened.link.shows_original;
    match &opened.thing {
        SharedThing::Image(image) => {
            charge(state, parts, PRICE_OF_IMAGE)?;
            let shown = pictures(state, vec![(**image).clone()], shows_original).await?;
            Ok((StatusCode::OK, html::image(texts, &shown), shown))
        }
        SharedThing::Album(album) => {
            let page = state.services.sharing.images_of_link(opened, after, IMAGES_ON_A_PAGE).await?;
            charge(state, parts, PRICE_OF_IMAGE * page.images.len() as u64)?;
            let next = page.images.last().filter(|_| page.has_more).map(after_of);
            let images = page.images.into_iter().map(|placed| placed.image).collect();
            let shown = pictures(state, images, shows_original).await?;
            Ok((StatusCode::OK, html::album(texts, album, &shown, next.as_deref()), shown))
        }
    }
}

async fn pictures(state: &HttpState, images: Vec<Image>, shows_original: bool) -> ServiceResult<Vec<Shown>> {
    let library = &state.services.library;
    let ids: Vec<ImageId> = images.iter().map(|image| image.id).collect();
    let mut variants = library.variants(&ids).await?;
    let mut shown = Vec::new();
    for image in images {
        let (Some(facts), variants) = (image.facts(), variants.remove(&image.id).unwrap_or_default()) else { continue };
        let has_shape = |width, height| facts.has_shape_of(width, height);
        let largest = variants.iter().rfind(|variant| has_shape(variant.width, variant.height)).or(variants.last());
        let Some(largest) = largest else { continue };
        let original = if shows_original { library.original_url(&image).await? } else { None };
        shown.push(Shown {
            src: library.variant_url(&image, largest).await?,
            src_set: library.src_set(&image, &variants, None).await?,
            original,
            width: facts.width,
            height: facts.height,
            title: image.details.title,
            description: image.details.description,
            alt_text: image.details.alt_text,
        });
    }
    Ok(shown)
}

fn answer(texts: Texts, outcome: ServiceResult<(StatusCode, Markup, Vec<Shown>)>) -> Response {
    let message = html::message;
    let (status, content, shown, retry_after) = match outcome {
        Ok((status, content, shown)) => (status, content, shown, None),
        Err(ServiceError::Refused(_)) => (StatusCode::NOT_FOUND, message(texts.not_found), Vec::new(), None),
        Err(ServiceError::RateLimited { retry_after }) => {
            (StatusCode::TOO_MANY_REQUESTS, message(texts.too_much), Vec::new(), Some(retry_after.as_secs().max(1)))
        }
        Err(error) => {
            tracing::error!(error = ?error, "the page of a link failed");
            (StatusCode::SERVICE_UNAVAILABLE, message(texts.away), Vec::new(), Some(2))
        }
    };
    let mut response = (status, Html(page(texts, content).into_string())).into_response();
    let headers = response.headers_mut();
    headers.extend(html::policy(&shown).map(|policy| (header::CONTENT_SECURITY_POLICY, policy)));
    for (name, value) in [
        (header::CACHE_CONTROL, "private, no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.extend(retry_after.map(|seconds| (header::RETRY_AFTER, HeaderValue::from(seconds))));
    response
}

fn language(headers: &HeaderMap) -> Language {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    accepted.map(Language::accepted).unwrap_or_default()
}

/// What the browser was given when the password was right.
fn pass(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = values.flat_map(Cookie::split_parse).filter_map(Result::ok);
    cookies.find(|cookie| cookie.name() == PASS_COOKIE).map(|cookie| cookie.value().to_owned())
}

/// Good for this link's page alone.
fn pass_cookie(state: &HttpState, opened: &OpenedLink) -> Option<HeaderValue> {
    let sharing = &state.services.sharing;
    let cookie = Cookie::build((PASS_COOKIE, sharing.pass(&opened.link)))
        .path(sharing.link_url(&opened.link).path().to_owned())
        .max_age(time::Duration::seconds(PASS_LIFE.num_seconds()))
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(state.settings.public_url.scheme() == "https");
    HeaderValue::try_from(cookie.to_string()).ok()
}

fn place(after: &str) -> Option<(AlbumPlace, ImageId)> {
    let (place, image) = after.split_once('.')?;
    Some((AlbumPlace(place.parse().ok()?), image.parse().ok()?))
}

fn after_of(placed: &PlacedImage) -> String {
    format!("{}.{}", placed.place.0, placed.image.id)
}
