//! GraphQL over HTTP, as its specification says: <https://graphql.github.io/graphql-over-http/draft/>
//!
//! The stock handler runs mutations over GET, takes text/plain, and answers 200 where the specification says 400.

use std::sync::Arc;

use async_graphql::{Request, Response as GraphqlResponse, ServerError};
use async_graphql_axum::GraphQLResponse;
use axum::{
    Extension,
    body::Bytes,
    extract::{FromRequestParts, RawQuery, State, WebSocketUpgrade, rejection::BytesRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};

use super::{
    EXECUTION_TIMEOUT, HttpState, RequestId, bearer, caller_of,
    request::{JSON, Malformed, check_content_type, from_json, from_query},
    websocket,
};
use crate::{
    domain::{error::ServiceError, user::Caller},
    graphql::{
        admission::{self, Access},
        error, for_caller,
    },
};

const GRAPHQL_JSON: &str = "application/graphql-response+json";

/// `GET`: a query, or a WebSocket's beginning.
pub(super) async fn get(
    State(state): State<HttpState>,
    Extension(id): Extension<RequestId>,
    RawQuery(query): RawQuery,
    mut parts: Parts,
) -> Response {
    let upgrade = parts.headers.get(header::UPGRADE).map(HeaderValue::as_bytes);
    if upgrade.is_some_and(|upgrade| upgrade.eq_ignore_ascii_case(b"websocket")) {
        let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &state).await;
        return match upgrade {
            Ok(upgrade) => websocket::upgrade(state, upgrade, &parts),
            Err(rejection) => rejection.into_response(),
        };
    }
    let wants_page = accepts(&parts.headers, "text/html") && query.as_deref().unwrap_or_default().is_empty();
    if wants_page && state.settings.introspection {
        return Redirect::temporary("/graphiql").into_response();
    }
    let format = match negotiate(&parts.headers) {
        Ok(format) => format,
        Err(malformed) => return malformed.answer(JSON, &id),
    };
    match from_query(query.as_deref().unwrap_or_default()) {
        Ok(request) => execute(&state, request, Access::ReadOnly, &parts.headers, format, &id).await,
        Err(malformed) => malformed.answer(format, &id),
    }
}

/// `POST`: any operation, as JSON.
pub(super) async fn post(
    State(state): State<HttpState>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let format = match negotiate(&headers) {
        Ok(format) => format,
        Err(malformed) => return malformed.answer(JSON, &id),
    };
    let body = body.map_err(|rejection| Malformed(rejection.status(), rejection.body_text()));
    let request = check_content_type(&headers).and(body).and_then(|body| from_json(&body));
    match request {
        Ok(request) => execute(&state, request, Access::Full, &headers, format, &id).await,
        Err(malformed) => malformed.answer(format, &id),
    }
}

async fn execute(
    state: &HttpState,
    request: Request,
    access: Access,
    headers: &HeaderMap,
    format: &'static str,
    id: &RequestId,
) -> Response {
    let admitted = match state.admission.admit(request, access) {
        Ok(admitted) => admitted,
        Err(error) => return respond(GraphqlResponse::from_errors(vec![error]), format, id),
    };
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    let caller = match caller_of(&state.services, token).await {
        Ok(caller) => caller,
        Err(ServiceError::Unauthenticated) => Caller::Anonymous,
        Err(error) => {
            let error: async_graphql::Error = error::ApiError::from(error).into();
            let error = error.into_server_error(async_graphql::Pos::default());
            return respond(GraphqlResponse::from_errors(vec![error]), format, id);
        }
    };
    let request = for_caller(admitted.request, Arc::new(caller), &state.services);
    match tokio::time::timeout(EXECUTION_TIMEOUT, state.schema.execute(request)).await {
        Ok(response) => respond(response, format, id),
        Err(_) => {
            let message = "The operation took more than 30 seconds and was ended.".to_owned();
            Malformed(StatusCode::SERVICE_UNAVAILABLE, message).answer(format, id)
        }
    }
}

fn respond(mut response: GraphqlResponse, format: &'static str, id: &RequestId) -> Response {
    error::finish(&mut response, &id.0);
    if response.errors.iter().any(admission::is_read_only_violation) {
        let mut answer = errors(StatusCode::METHOD_NOT_ALLOWED, format, &response.errors);
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return answer;
    }
    if never_began(&response) {
        let status = if format == GRAPHQL_JSON { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        return errors(status, format, &response.errors);
    }
    let mut answer = GraphQLResponse::from(response).into_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, content_type(format));
    answer
}

/// Whether a request was refused before anything of it was executed: its errors have no place in the data.
fn never_began(response: &GraphqlResponse) -> bool {
    let has_data = response.data != async_graphql::Value::Null;
    !has_data && !response.errors.is_empty() && response.errors.iter().all(|error| error.path.is_empty())
}

impl Malformed {
    fn answer(self, format: &'static str, id: &RequestId) -> Response {
        let Self(status, message) = self;
        let mut error = ServerError::new(message, None);
        let code = if status.is_server_error() { "TIMEOUT" } else { "BAD_USER_INPUT" };
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", code);
        extensions.set("requestId", id.0.as_str());
        errors(status, format, &[error])
    }
}

/// An answer without data, as the specification wants it where nothing was executed.
fn errors(status: StatusCode, format: &'static str, errors: &[ServerError]) -> Response {
    let mut answer = (status, axum::Json(serde_json::json!({"errors": errors}))).into_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, content_type(format));
    answer
}

fn content_type(format: &'static str) -> HeaderValue {
    HeaderValue::from_static(match format {
        GRAPHQL_JSON => "application/graphql-response+json; charset=utf-8",
        _ => "application/json; charset=utf-8",
    })
}

/// Which of the two media types the client takes; without a word from it, plain JSON.
fn negotiate(headers: &HeaderMap) -> Result<&'static str, Malformed> {
    if !headers.contains_key(header::ACCEPT) || accepts(headers, GRAPHQL_JSON) {
        let is_named = headers.contains_key(header::ACCEPT);
        return Ok(if is_named { GRAPHQL_JSON } else { JSON });
    }
    if ["application/json", "application/*", "*/*"].into_iter().any(|format| accepts(headers, format)) {
        return Ok(JSON);
    }
    let message = format!("Accept {GRAPHQL_JSON} or {JSON}.");
    Err(Malformed(StatusCode::NOT_ACCEPTABLE, message))
}

fn accepts(headers: &HeaderMap, format: &str) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges = values.flat_map(|value| value.split(',')).map(|range| range.split(';').next().unwrap_or_default());
    ranges.any(|range| range.trim().eq_ignore_ascii_case(format))
}
