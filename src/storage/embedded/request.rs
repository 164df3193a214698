//! What is checked of a request before `s3s` sees it. When it was signed: `s3s` believes an old kind of signature whatever its
//! date, and would let a request of it be repeated for ever. And what of it: whoever has a signed URL could add headers of S3's, and have it
//! copy somebody else's object.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use http::{HeaderMap, HeaderValue, Request, Uri, header};
use s3s::{S3Error, S3ErrorCode, S3Result};

/// How far a client's clock may be from ours, as S3 has it.
const SKEW: TimeDelta = TimeDelta::minutes(15);
/// How long a presigned URL may be good for, in seconds.
const MAX_LIFE: i64 = 7 * 24 * 60 * 60;
const DATE: &str = "x-amz-date";
const PREFIX: &str = "x-amz-";
/// What changes nothing: which bytes the body has, and what a CDN of AWS adds to every request.
const HARMLESS: [&str; 2] = ["x-amz-content-sha256", "x-amz-cf-id"];
const BASIC_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// Whether somebody signed for S3: by a header, or in the URL.
pub fn is_signed<B>(request: &Request<B>) -> bool {
    let in_header = authorization(request.headers()).is_some_and(|value| value.starts_with("AWS"));
    in_header || is_presigned(request.uri())
}

/// Whether the URL is signed, which is what counts then, whatever the headers say.
pub(super) fn is_presigned(uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default();
    let says = |name: &str| url::form_urlencoded::parse(query.as_bytes()).any(|(known, _)| known == name);
    says("X-Amz-Signature") || (says("Signature") && says("AWSAccessKeyId"))
}

/// The request as `s3s` is to see it.
pub(super) fn checked<B>(mut request: Request<B>, now: DateTime<Utc>) -> S3Result<Request<B>> {
    let query = request.uri().query().unwrap_or_default();
    check_life(query, now)?;
    check_signed_headers(request.headers(), query)?;
    let scheme = authorization(request.headers()).map(str::to_owned).unwrap_or_default();
    if scheme.starts_with("AWS ") {
        check_date(request.headers(), now)?;
    }
    let headers = request.headers_mut();
    if scheme.starts_with("AWS4-") && !headers.contains_key(DATE) {
        // It was signed by the header that other protocols have.
        let date = headers.get(header::DATE).and_then(|date| date.to_str().ok()).and_then(parse);
        let basic = date.and_then(|date| HeaderValue::try_from(date.format(BASIC_FORMAT).to_string()).ok());
        headers.extend(basic.map(|basic| (header::HeaderName::from_static(DATE), basic)));
    }
    Ok(request)
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()
}

fn check_life(query: &str, now: DateTime<Utc>) -> S3Result<()> {
    let value = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.parse::<i64>())
    };
    // An old signature says when it ends.
    let ends_in = value("AWSAccessKeyId")
        .and(value("Expires"))
        .map(|ends| ends.map(|ends| ends.saturating_sub(now.timestamp()).max(0)));
    match value("X-Amz-Expires").or(ends_in) {
        None | Some(Ok(0..=MAX_LIFE)) => Ok(()),
        _ => Err(S3Error::with_message(S3ErrorCode::AccessDenied, "A URL is valid for at most 604800 seconds.")),
    }
}

/// Every header of S3's is one that the URL was signed with.
fn check_signed_headers(headers: &HeaderMap, query: &str) -> S3Result<()> {
    let value = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    };
    if value("X-Amz-Signature").is_none() && value("AWSAccessKeyId").is_none() {
        return Ok(());
    }
    // The old kind signs all of them.
    let Some(signed) = value("X-Amz-SignedHeaders") else { return Ok(()) };
    let is_signed = |name: &str| signed.split(';').any(|known| known.eq_ignore_ascii_case(name));
    let mut of_s3 = headers
        .keys()
        .map(header::HeaderName::as_str)
        .filter(|name| name.starts_with(PREFIX) && !HARMLESS.contains(name));
    match of_s3.find(|name| !is_signed(name)) {
        None => Ok(()),
        Some(name) => {
            let why = format!("The header {name} is not signed.");
            Err(S3Error::with_message(S3ErrorCode::AccessDenied, why))
        }
    }
}

fn check_date(headers: &HeaderMap, now: DateTime<Utc>) -> S3Result<()> {
    let said = headers.get(DATE).or_else(|| headers.get(header::DATE)).and_then(|date| date.to_str().ok());
    let date = said.and_then(parse).filter(|date| date.timestamp() >= 0);
    let denied = || S3Error::with_message(S3ErrorCode::AccessDenied, "The request has no readable date.");
    let date = date.ok_or_else(denied)?;
    if (date - now).abs() > SKEW {
        return Err(S3Error::with_message(
            S3ErrorCode::RequestTimeTooSkewed,
            "The date of the request differs too much from the current time.",
        ));
    }
    Ok(())
}

/// A date as S3 or as HTTP has it, whatever day of the week it says.
fn parse(said: &str) -> Option<DateTime<Utc>> {
    let http = said.split_once(", ").map_or(said, |(_, date)| date);
    let formats = [(said, BASIC_FORMAT), (http, "%d %b %Y %H:%M:%S GMT"), (http, "%d %b %Y %H:%M:%S +0000")];
    formats.into_iter().find_map(|(date, format)| Some(NaiveDateTime::parse_from_str(date, format).ok()?.and_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(authorization: &str, dates: &[(&str, &str)], query: &str) -> Option<String> {
        let mut request = Request::builder().uri(format!("/media/a?{query}")).header("authorization", authorization);
        for (name, value) in dates {
            request = request.header(*name, *value);
        }
        let now = parse("Sat, 21 Nov 2026 12:00:00 GMT").expect("a date");
        checked(request.body(()).expect("a request"), now).err().map(|error| error.code().as_str().to_owned())
    }

    #[test]
    fn old_signatures_are_not_good_for_ever() {
        let old = "AWS key:signature";
        assert_eq!(answer(old, &[("date", "Mon, 21 Nov 2026 11:50:00 GMT")], ""), None, "whatever day it was");
        assert_eq!(answer(old, &[("x-amz-date", "20261121T115000Z"), ("date", "rubbish")], ""), None);
        for (date, code) in [
            ("Sat, 21 Nov 2026 11:00:00 GMT", "RequestTimeTooSkewed"),
            ("Sat, 21 Nov 9999 11:00:00 GMT", "RequestTimeTooSkewed"),
            ("Thu, 01 Jan 1950 00:00:00 GMT", "AccessDenied"),
            ("rubbish", "AccessDenied"),
            ("", "AccessDenied"),
        ] {
            assert_eq!(answer(old, &[("date", date)], "").as_deref(), Some(code), "{date}");
        }
        assert_eq!(answer(old, &[], "").as_deref(), Some("AccessDenied"));
    }

    #[test]
    fn a_url_is_good_for_the_headers_that_it_was_signed_with() {
        let of = |signed: &str, header: &str| {
            let query = format!("X-Amz-Signature=a&X-Amz-SignedHeaders={signed}");
            answer("", &[(header, "media/b")], &query)
        };
        for header in ["x-amz-copy-source", "x-amz-meta-a", "x-amz-acl", "X-Amz-Tagging"] {
            assert_eq!(of("content-length%3Bhost", header).as_deref(), Some("AccessDenied"), "{header}");
        }
        assert_eq!(of("host%3Bx-amz-meta-a", "x-amz-meta-a"), None, "it was signed");
        assert_eq!(of("host", "x-amz-content-sha256"), None);
        assert_eq!(of("host", "X-Amz-Cf-Id"), None);
        assert_eq!(answer("AWS4-HMAC-SHA256 a", &[("x-amz-copy-source", "media/b")], ""), None, "signed by a header");
    }

    #[test]
    fn urls_live_for_a_week_at_most() {
        for (life, is_fine) in [("0", true), ("604800", true), ("604801", false), ("-1", false), ("a", false)] {
            assert_eq!(answer("", &[], &format!("X-Amz-Expires={life}")).is_none(), is_fine, "{life}");
        }
    }
}
