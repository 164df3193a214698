//! Answers of text, compressed for whoever says that they can read it.
//!
//! Each is compressed whole, so that a client that reads slowly holds nothing but the compressed answer. A secret in an
//! answer cannot be guessed by its length: that takes somebody who sends requests with another's token and parts of their
//! own, and no browser adds a token by itself.

use std::{
    cell::RefCell,
    collections::HashMap,
    io::Write,
    sync::{LazyLock, Mutex, PoisonError},
};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use brotli::enc::BrotliEncoderParams;
use flate2::{Compression, write::GzEncoder};
use http_body::Body as _;
use tokio::sync::Semaphore;
use zstd::bulk::Compressor;

/// In bytes: shorter answers gain nothing.
const COMPRESSED_FROM: u64 = 2048;
/// In bytes: longer ones take more than a millisecond, which other requests do not wait for.
const LONG: usize = 256 * 1024;
/// By CPU: a gallery of 135 KB becomes 13.6 KB in 0.1 ms by zstd, 13.8 KB in 0.6 ms by brotli, 16.8 KB in 0.3 ms by gzip.
const ZSTD_LEVEL: i32 = 1;
const BROTLI_QUALITY: i32 = 3;
/// Two to the power of this many bytes are looked back at.
const BROTLI_WINDOW: i32 = 18;

/// How many long answers are compressed at once.
static LONG_ONES: Semaphore = Semaphore::const_new(4);
/// What never changes while the process lives, each compressed once.
static UNCHANGING: LazyLock<Mutex<HashMap<(String, Encoding), Bytes>>> = LazyLock::new(Mutex::default);

thread_local! {
    /// Kept, for it is half a megabyte to set up.
    static ZSTD: RefCell<Option<Compressor<'static>>> = RefCell::new(Compressor::new(ZSTD_LEVEL).ok());
}

/// What an answer can be encoded by, the cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Encoding {
    Zstd,
    Brotli,
    Gzip,
}

/// The answer with a file of ours, which is known by its name.
pub(super) fn unchanging(request: &HeaderMap, name: &str, format: &str, content: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.extend(HeaderValue::from_str(format).ok().map(|format| (header::CONTENT_TYPE, format)));
    let content = content.into();
    let is_compressed = is_text(headers) && content.len() as u64 >= COMPRESSED_FROM;
    if is_compressed {
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    let encoding = Encoding::wanted(request).filter(|_| is_compressed);
    let compressed = encoding.and_then(|encoding| Some((encoding, compressed_once(name, encoding, &content)?)));
    let body = match compressed {
        Some((encoding, compressed)) => {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
            compressed
        }
        None => content,
    };
    *response.body_mut() = Body::from(body);
    response
}

fn compressed_once(name: &str, encoding: Encoding, content: &[u8]) -> Option<Bytes> {
    // Under the lock: whoever asks for the same meanwhile waits for it, for some milliseconds and once.
    let mut known = UNCHANGING.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (name.to_owned(), encoding);
    if let Some(compressed) = known.get(&key) {
        return Some(compressed.clone());
    }
    let compressed = Bytes::from(encoding.compress(content)?);
    known.insert(key, compressed.clone());
    Some(compressed)
}

/// Compresses the answers of the routes that it is laid around.
pub(super) async fn compress(request: Request, next: Next) -> Response {
    // A HEAD's answer has no body; what it says of one holds for one that is not encoded.
    let encoding = Encoding::wanted(request.headers()).filter(|_| request.method() != Method::HEAD);
    let mut response = next.run(request).await;
    if !is_text(response.headers()) || response.body().size_hint().exact().is_none_or(|size| size < COMPRESSED_FROM) {
        return response;
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    let Some(encoding) = encoding else { return response };
    let (mut parts, body) = response.into_parts();
    // It is in memory already: its size is known.
    let Ok(bytes) = to_bytes(body, usize::MAX).await else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let compressed = if bytes.len() < LONG {
        encoding.compress(&bytes)
    } else {
        let _turn = LONG_ONES.acquire().await;
        let bytes = bytes.clone();
        tokio::task::spawn_blocking(move || encoding.compress(&bytes)).await.ok().flatten()
    };
    let Some(compressed) = compressed else { return Response::from_parts(parts, Body::from(bytes)) };
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    Response::from_parts(parts, Body::from(compressed))
}

fn is_text(headers: &HeaderMap) -> bool {
    let format = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_known = ["text/", "application/json", "application/graphql-response+json", "application/javascript"];
    !headers.contains_key(header::CONTENT_ENCODING) && is_known.iter().any(|known| format.starts_with(known))
}

/// What a client can read, and how well it likes that.
struct Offers<'a>(Vec<(&'a str, f32)>);

impl<'a> Offers<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        Self(values.flat_map(|value| value.split(',')).map(offer).collect())
    }

    fn quality(&self, encoding: Encoding) -> f32 {
        let of = |name: &str| self.0.iter().find(|(offered, _)| offered.eq_ignore_ascii_case(name));
        of(encoding.name()).or_else(|| of("*")).map_or(0.0, |(_, quality)| *quality)
    }
}

impl Encoding {
    const ALL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// The one that a client likes best; of those that it likes alike, the cheapest.
    /// <https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3>
    fn wanted(headers: &HeaderMap) -> Option<Self> {
        let offers = Offers::of(headers);
        let wanted = Self::ALL.into_iter().filter(|encoding| offers.quality(*encoding) > 0.0);
        // Of equals, `max_by` gives the last.
        wanted.rev().max_by(|one, other| offers.quality(*one).total_cmp(&offers.quality(*other)))
    }

    /// Whether a client can read it.
    pub(super) fn is_accepted(self, headers: &HeaderMap) -> bool {
        Offers::of(headers).quality(self) > 0.0
    }

    fn compress(self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut encoded = self.encode(bytes)?;
        // Encoders set aside what the worst would take.
        encoded.shrink_to_fit();
        Some(encoded)
    }

    fn encode(self, bytes: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Zstd => ZSTD.with_borrow_mut(|zstd| zstd.as_mut()?.compress(bytes).ok()),
            Self::Brotli => {
                let mut compressed = Vec::new();
                let parameters = BrotliEncoderParams {
                    quality: BROTLI_QUALITY,
                    lgwin: BROTLI_WINDOW,
                    size_hint: bytes.len(),
                    ..BrotliEncoderParams::default()
                };
                brotli::BrotliCompress(&mut &*bytes, &mut compressed, &parameters).ok()?;
                Some(compressed)
            }
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(bytes).ok()?;
                encoder.finish().ok()
            }
        }
    }
}

/// An encoding with its quality, from 0 to 1.
fn offer(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let quality = quality.map_or(1.0, |quality| quality.parse().unwrap_or(0.0));
    (name, if (0.0..=1.0).contains(&quality) { quality } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(value: &'static str) -> Option<Encoding> {
        Encoding::wanted(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]))
    }

    #[test]
    fn the_cheapest_of_what_a_client_likes_best_is_chosen() {
        for (value, expected) in [
            ("gzip, deflate, br, zstd", Some(Encoding::Zstd)),
            ("gzip, deflate, br", Some(Encoding::Brotli)),
            ("gzip", Some(Encoding::Gzip)),
            ("GZIP;q=0.5, br;q=0.4", Some(Encoding::Gzip)),
            ("zstd;q=0, *", Some(Encoding::Brotli)),
            ("*;q=0", None),
            ("identity", None),
            ("", None),
            ("br;q=nonsense, gzip;q=7", None),
        ] {
            assert_eq!(wanted(value), expected, "{value}");
        }
        assert_eq!(Encoding::wanted(&HeaderMap::new()), None);
    }
}
