//! What a browser is answered whose form was taken.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use s3s::{
    HttpResponse,
    dto::PostResponse,
    xml::{Serialize, Serializer},
};
use url::Url;

use super::{BUCKET, wire::encoded};

/// The answer that the form asks for.
#[derive(Debug, Clone)]
pub(super) enum Success {
    Status(StatusCode),
    /// To a page that is told where the object is.
    Redirect(Url),
}

impl Success {
    /// 204, where nothing else that can be was asked for.
    pub(super) fn of(status: Option<&str>, redirect: Option<&str>) -> Self {
        let page =
            redirect.and_then(|page| Url::parse(page).ok()).filter(|page| matches!(page.scheme(), "http" | "https"));
        if let Some(page) = page {
            return Self::Redirect(page);
        }
        Self::Status(match status {
            Some("200") => StatusCode::OK,
            Some("201") => StatusCode::CREATED,
            _ => StatusCode::NO_CONTENT,
        })
    }

    /// `public_url` is the bucket's, without a slash at its end.
    pub(super) fn answer(self, public_url: &str, key: &str, etag: &str) -> HttpResponse {
        let etag = format!("\"{etag}\"");
        let mut location = format!("{public_url}/{}", encoded(key));
        let mut response = HttpResponse::new(s3s::Body::empty());
        match self {
            Self::Redirect(mut page) => {
                page.query_pairs_mut().append_pair("bucket", BUCKET).append_pair("key", key).append_pair("etag", &etag);
                location = page.into();
                *response.status_mut() = StatusCode::SEE_OTHER;
            }
            Self::Status(status) => {
                if status == StatusCode::CREATED {
                    *response.body_mut() = s3s::Body::from(Bytes::from(xml(&location, key, &etag)));
                    let ty = HeaderValue::from_static("application/xml");
                    response.headers_mut().insert(header::CONTENT_TYPE, ty);
                }
                *response.status_mut() = status;
            }
        }
        for (name, value) in [(header::ETAG, etag), (header::LOCATION, location)] {
            response.headers_mut().extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
        }
        response
    }
}

fn xml(location: &str, key: &str, etag: &str) -> Vec<u8> {
    let mut xml = Vec::new();
    let answer = PostResponse { location, bucket: BUCKET, key, etag };
    let mut serializer = Serializer::new(&mut xml);
    // Writing to memory does not fail, and the client has its answer in the status and the headers.
    let _ = serializer.decl().and_then(|()| answer.serialize(&mut serializer));
    xml
}
