//! Requests as a browser sends them.

use std::time::Duration;

use reqwest::{
    Client, Method, RequestBuilder, Response,
    multipart::{Form, Part},
    redirect::Policy,
};
use url::Url;

use crate::domain::ticket::{UploadMethod, UploadTarget};

/// In bytes: whoever answers with more is no storage that has what was stored.
const MOST: usize = 64 * 1024;
/// How long a storage may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Something that sends requests as a browser does.
pub(super) struct Browser(Client);

impl Browser {
    /// # Errors
    /// When there is no TLS on this machine.
    pub(super) fn new() -> reqwest::Result<Self> {
        Ok(Self(Client::builder().timeout(PATIENCE).redirect(Policy::none()).build()?))
    }

    /// Sends a file as a ticket says.
    pub(super) async fn send(
        &self,
        target: &UploadTarget,
        origin: Option<&str>,
        file: Vec<u8>,
    ) -> reqwest::Result<Response> {
        let request = match target.method {
            UploadMethod::Post => {
                let fields = target.fields.iter().cloned();
                let form = fields.fold(Form::new(), |form, (name, value)| form.text(name, value));
                self.0.post(target.url.clone()).multipart(form.part("file", Part::bytes(file).file_name("file")))
            }
            UploadMethod::Put => self.0.put(target.url.clone()).body(file),
        };
        let request = target.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        from(request, origin).send().await
    }

    /// Fetches a URL.
    pub(super) async fn get(&self, url: Url) -> reqwest::Result<Response> {
        self.0.get(url).send().await
    }

    /// Asks whether a page may send a request, as a browser does before it sends it.
    pub(super) async fn preflight(&self, url: Url, origin: &str, method: &str) -> reqwest::Result<Response> {
        let request = self.0.request(Method::OPTIONS, url).header("Access-Control-Request-Method", method);
        from(request.header("Access-Control-Request-Headers", "content-type"), Some(origin)).send().await
    }
}

/// The body of an answer, if it comes to its end and is not too long.
pub(super) async fn body(mut answer: Response) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() > MOST {
            return None;
        }
    }
    Some(body)
}

fn from(request: RequestBuilder, origin: Option<&str>) -> RequestBuilder {
    match origin {
        Some(origin) => request.header("Origin", origin),
        None => request,
    }
}

/// Why no answer came, without the URL, which is signed.
pub(super) fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        reason = inner.to_string();
        source = inner.source();
    }
    reason
}
