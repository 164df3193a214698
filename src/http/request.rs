//! What a client asked for, from whichever envelope it came in: a JSON body, a query string, a socket's message.

use async_graphql::{Request, Variables};
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value};

pub(super) const JSON: &str = "application/json";

/// A request that is refused before it is executed.
pub(super) struct Malformed(pub StatusCode, pub String);

/// JSON alone: what a form on another site can send without asking is refused.
pub(super) fn check_content_type(headers: &HeaderMap) -> Result<(), Malformed> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = value.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|format| format.eq_ignore_ascii_case(JSON));
    let is_utf8 = parts.all(|parameter| {
        let charset = parameter.to_ascii_lowercase();
        charset.strip_prefix("charset=").is_none_or(|charset| charset.trim_matches('"') == "utf-8")
    });
    if is_json && is_utf8 {
        return Ok(());
    }
    Err(Malformed(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("Send {JSON} in UTF-8.")))
}

/// A POST's body.
pub(super) fn from_json(body: &[u8]) -> Result<Request, Malformed> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => from_fields(fields),
        Ok(_) => Err(bad("The body must be a JSON object; batches are not supported.")),
        Err(_) => Err(bad("The body is not JSON.")),
    }
}

/// A GET's query string.
pub(super) fn from_query(query: &str) -> Result<Request, Malformed> {
    let mut fields = Map::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let value = match name.as_ref() {
            "variables" | "extensions" => {
                serde_json::from_str(&value).map_err(|_| bad(format!("`{name}` is not JSON.")))?
            }
            _ => Value::String(value.into_owned()),
        };
        fields.insert(name.into_owned(), value);
    }
    from_fields(fields)
}

fn from_fields(mut fields: Map<String, Value>) -> Result<Request, Malformed> {
    let extensions = object(&mut fields, "extensions")?;
    let query = text(&mut fields, "query")?.unwrap_or_default();
    if query.is_empty() && !extensions.contains_key("persistedQuery") {
        return Err(bad("The request has no `query`."));
    }
    let mut request = Request::new(query);
    request.operation_name = text(&mut fields, "operationName")?;
    request.variables = Variables::from_json(Value::Object(object(&mut fields, "variables")?));
    for (name, value) in extensions {
        let value = async_graphql::Value::from_json(value).map_err(|_| bad("`extensions` cannot be read."))?;
        request.extensions.insert(name, value);
    }
    Ok(request)
}

fn text(fields: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Malformed> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(bad(format!("`{name}` is a string."))),
    }
}

fn object(fields: &mut Map<String, Value>, name: &str) -> Result<Map<String, Value>, Malformed> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(bad(format!("`{name}` is an object."))),
    }
}

fn bad(message: impl Into<String>) -> Malformed {
    Malformed(StatusCode::BAD_REQUEST, message.into())
}

/// The request in a WebSocket's `subscribe` message.
pub(super) fn from_payload(payload: Value) -> Result<Request, String> {
    match payload {
        Value::Object(fields) => from_fields(fields).map_err(|Malformed(_, message)| message),
        _ => Err("The payload is an object.".to_owned()),
    }
}
