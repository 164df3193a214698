//! The refresh token of a browser: in a cookie that no script reads.
//!
//! Read and set for pages of our own origins alone, by POST, so that no other site can use it: it is `SameSite=Lax`, the
//! request has to be JSON, and its `Origin` has to be one of those that may ask.

use axum::http::{HeaderMap, HeaderValue, header};
use chrono::{DateTime, Utc};
use cookie::{Cookie, SameSite, time::OffsetDateTime};

use crate::domain::{
    error::{Refusal, UserErrorCode},
    origins::Origins,
};

/// The prefix keeps other hosts of the domain from setting it; browsers take it over HTTPS alone.
const SECURE_NAME: &str = "__Host-darkroom_refresh";
/// On a laptop, without HTTPS.
const NAME: &str = "darkroom_refresh";

/// Whose pages may have the cookie, and whether it is sent over HTTPS alone.
#[derive(Debug, Clone)]
pub struct CookieRules {
    pub origins: Origins,
    pub is_secure: bool,
}

impl CookieRules {
    /// The header that has a browser keep a token until then, or without a time until it is closed.
    pub fn keep(&self, token: String, until: Option<DateTime<Utc>>) -> Option<HeaderValue> {
        let mut cookie = self.cookie(token);
        cookie.set_expires(until.and_then(|until| OffsetDateTime::from_unix_timestamp(until.timestamp()).ok()));
        HeaderValue::try_from(cookie.to_string()).ok()
    }

    const fn name(&self) -> &'static str {
        if self.is_secure { SECURE_NAME } else { NAME }
    }

    fn cookie(&self, value: String) -> Cookie<'static> {
        Cookie::build((self.name(), value))
            .path("/")
            .http_only(true)
            .secure(self.is_secure)
            .same_site(SameSite::Lax)
            .build()
    }
}

/// The cookie of one request.
pub(super) struct RefreshCookie<'a> {
    rules: &'a CookieRules,
    headers: &'a HeaderMap,
}

impl<'a> RefreshCookie<'a> {
    /// Of a request from a page that may have it.
    ///
    /// # Errors
    /// `INVALID_VALUE` on the field for everybody else: other sites, programs, and sockets.
    pub(super) fn of(
        rules: &'a CookieRules,
        headers: Option<&'a HeaderMap>,
        field: &'static str,
    ) -> Result<Self, Refusal> {
        let origin = headers.and_then(|headers| headers.get(header::ORIGIN)).and_then(|origin| origin.to_str().ok());
        match (headers, origin) {
            (Some(headers), Some(origin)) if rules.origins.allow(origin) => Ok(Self { rules, headers }),
            _ => {
                let why = "The cookie is available to pages of this server's origins, by HTTP POST.";
                Err(Refusal::on(field, UserErrorCode::InvalidValue, why))
            }
        }
    }

    /// The token, where the browser has one.
    pub(super) fn token(&self) -> Option<String> {
        let values = self.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut cookies = values.flat_map(Cookie::split_parse).filter_map(Result::ok);
        cookies.find(|cookie| cookie.name() == self.rules.name()).map(|cookie| cookie.value().to_owned())
    }

    /// The header that has the browser keep a token until then, or without a time until it is closed.
    pub(super) fn keep(&self, token: String, until: Option<DateTime<Utc>>) -> Option<HeaderValue> {
        self.rules.keep(token, until)
    }

    /// The header that has the browser forget it.
    pub(super) fn forget(&self) -> Option<HeaderValue> {
        let mut cookie = self.rules.cookie(String::new());
        cookie.make_removal();
        HeaderValue::try_from(cookie.to_string()).ok()
    }
}
