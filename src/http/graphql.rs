//! GraphQL over HTTP, as its specification says: <https://graphql.github.io/graphql-over-http/draft/>
//!
//! The stock handler runs mutations over GET, takes text/plain, and answers 200 where the specification says 400.

use std::sync::Arc;

use async_graphql::{Request, Response as GraphqlResponse, ServerError};
use async_graphql_axum::GraphQLResponse;
use axum::{
    Extension,
    extract::{FromRequestParts, RawQuery, State, WebSocketUpgrade},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};

use super::{
    HttpState, RequestId,
    body::MAX_BODY,
    caller_of, client_address,
    execute::{self, Requester},
    request::{JSON, Malformed, check_content_type, from_json, from_query},
    token_of,
    unread::AnswerTo,
    websocket,
};
use crate::{
    domain::{caller::Caller, error::ServiceError},
    graphql::{
        SentFrom,
        admission::{self, Access, Admitted},
        error,
    },
};

const GRAPHQL_JSON: &str = "application/graphql-response+json";

/// `GET`: a query, or a WebSocket's beginning.
pub(super) async fn get(
    State(state): State<Arc<HttpState>>,
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
        Ok(request) => match requester(&state, &parts).await {
            Ok(requester) => execute(&state, request, Access::ReadOnly, requester, format, &id).await,
            Err(error) => respond(GraphqlResponse::from_errors(vec![error]), None, format, &id),
        },
        Err(malformed) => malformed.answer(format, &id),
    }
}

/// `POST`: any operation, as JSON.
pub(super) async fn post(
    State(state): State<Arc<HttpState>>,
    Extension(id): Extension<RequestId>,
    request: axum::extract::Request,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let format = match negotiate(&parts.headers) {
        Ok(format) => format,
        Err(malformed) => return malformed.answer(JSON, &id),
    };
    // Whose it is is known first: the bodies of those who are nobody take no room from others.
    let requester = match requester(&state, &parts).await {
        Ok(requester) => requester,
        Err(error) => return respond(GraphqlResponse::from_errors(vec![error]), None, format, &id),
    };
    let length = parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let announced = length.unwrap_or(0).min(MAX_BODY);
    if let Err(error) = execute::charge_text(&state, &requester, announced) {
        return respond(GraphqlResponse::from_errors(vec![error]), None, format, &id);
    }
    let read = async {
        check_content_type(&parts.headers)?;
        state.bodies.read(requester.key(), &parts.headers, body).await
    };
    let body = match read.await {
        Ok(body) => body,
        Err(malformed) => return malformed.answer(format, &id),
    };
    // What did not say its length is paid for when it is known.
    if let Err(error) = execute::charge_text(&state, &requester, body.bytes.len().saturating_sub(announced)) {
        return respond(GraphqlResponse::from_errors(vec![error]), None, format, &id);
    }
    match from_json(&body.bytes) {
        Ok(request) => {
            let headers = Some(Arc::new(std::mem::take(&mut parts.headers)));
            let requester = Requester { from: SentFrom { headers, ..requester.from }, ..requester };
            execute(&state, request, Access::Full, requester, format, &id).await
        }
        Err(malformed) => {
            // Reading it was work.
            match execute::charge_refused(&state, &requester) {
                Ok(()) => malformed.answer(format, &id),
                Err(error) => respond(GraphqlResponse::from_errors(vec![error]), None, format, &id),
            }
        }
    }
}

async fn requester(state: &HttpState, parts: &Parts) -> Result<Requester, ServerError> {
    let token = token_of(&parts.headers);
    let asked = state.outage.unless_away(caller_of(&state.services, token.as_deref())).await;
    let caller = match asked.map_err(execute::database_away)? {
        Ok(caller) => caller,
        Err(ServiceError::Unauthenticated) => Caller::anonymous(),
        Err(error) => {
            let error: async_graphql::Error = error::ApiError::from(error).into();
            return Err(error.into_server_error(async_graphql::Pos::default()));
        }
    };
    let address = client_address(state, parts);
    Ok(Requester { caller: Arc::new(caller.from(address)), from: SentFrom { address, headers: None } })
}

async fn execute(
    state: &HttpState,
    request: Request,
    access: Access,
    requester: Requester,
    format: &'static str,
    id: &RequestId,
) -> Response {
    let caller = requester.key();
    let mut answer = match state.admission.admit(request, access) {
        Ok(admitted) => {
            let response = execute::answer(state, &admitted, requester).await;
            respond(response, Some(&admitted), format, id)
        }
        Err(error) => {
            let error = execute::charge_refused(state, &requester).err().unwrap_or(error);
            respond(GraphqlResponse::from_errors(vec![error]), None, format, id)
        }
    };
    answer.extensions_mut().insert(AnswerTo(caller));
    answer
}

/// The answer to what was admitted, or to what was refused before.
fn respond(
    mut response: GraphqlResponse,
    admitted: Option<&Admitted>,
    format: &'static str,
    id: &RequestId,
) -> Response {
    error::finish(&mut response, &id.0);
    if response.errors.iter().any(admission::is_read_only_violation) {
        let mut answer = errors(StatusCode::METHOD_NOT_ALLOWED, format, &response.errors);
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return answer;
    }
    if let Some((status, seconds)) = put_off(&response) {
        let mut answer = errors(status, format, &response.errors);
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        return answer;
    }
    if never_began(&response) {
        let status = if format == GRAPHQL_JSON { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        return errors(status, format, &response.errors);
    }
    // Only now: what comes before asks what was done.
    if let Some(admitted) = admitted {
        admitted.propagate_nulls(&mut response);
    }
    let mut answer = GraphQLResponse::from(response).into_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, content_type(format));
    answer
}

/// In how many seconds it may be tried again, where nothing came of it because it was too much, or what it needs is away.
fn put_off(response: &GraphqlResponse) -> Option<(StatusCode, u64)> {
    let is_empty = match &response.data {
        async_graphql::Value::Object(fields) => fields.values().all(|field| *field == async_graphql::Value::Null),
        data => *data == async_graphql::Value::Null,
    };
    let status_of = |error: &ServerError| match execute::code_of(error)? {
        error::RATE_LIMITED => Some(StatusCode::TOO_MANY_REQUESTS),
        error::DATABASE_UNAVAILABLE | error::STORAGE_UNAVAILABLE | execute::TIMEOUT => {
            Some(StatusCode::SERVICE_UNAVAILABLE)
        }
        _ => None,
    };
    let (refused, status) = response.errors.iter().find_map(|error| Some((error, status_of(error)?)))?;
    let seconds = refused.extensions.as_ref().and_then(|extensions| extensions.get(error::RETRY_AFTER));
    let seconds = match seconds {
        Some(async_graphql::Value::Number(seconds)) => seconds.as_u64(),
        _ => None,
    };
    is_empty.then(|| (status, seconds.unwrap_or(1)))
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
        let code = match status {
            StatusCode::REQUEST_TIMEOUT => execute::TIMEOUT,
            StatusCode::SERVICE_UNAVAILABLE => error::RATE_LIMITED,
            _ => "BAD_USER_INPUT",
        };
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", code);
        extensions.set("requestId", id.0.as_str());
        let mut answer = errors(status, format, &[error]);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
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
