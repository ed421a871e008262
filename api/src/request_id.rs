//! One id per request: made here, or taken from the proxy in front when it looks like one. It is in the log, in every
//! problem document and in the response header `X-Request-Id`, so that a person's report leads to the log lines.

use std::fmt;

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method},
    middleware::Next,
    response::Response,
};
use tracing::Instrument;

use crate::state::Api;

/// Header name.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Id of the request at hand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestId(String);

impl RequestId {
    fn from_proxy(value: &HeaderValue) -> Option<Self> {
        let text = value.to_str().ok()?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        ((8..=64).contains(&text.len()) && text.chars().all(allowed)).then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Layer: gives the request its id and its span, and counts it.
pub async fn layer(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let id = request
        .headers()
        .get(HEADER)
        .and_then(RequestId::from_proxy);
    let id = id.unwrap_or_else(|| RequestId(api.ids().next().simple().to_string()));
    let route = request
        .extensions()
        .get::<axum::extract::MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| "other".to_owned());
    // The path may hold what a person typed; the query may hold more. Neither is logged.
    let span = tracing::info_span!(
        "request",
        request.id = %id,
        http.method = %request.method(),
        http.route = %route,
        http.status = tracing::field::Empty,
        user.id = tracing::field::Empty,
    );
    let method = method_label(request.method());
    request.extensions_mut().insert(id.clone());
    let started = api.clock().now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    span.record("http.status", status);
    let seconds = api.clock().now().micros_since(started).max(0) as f64 / 1e6;
    let status_class =
        ["1xx", "2xx", "3xx", "4xx", "5xx"][usize::from(status / 100).clamp(1, 5) - 1];
    metrics::histogram!("chatops_api_request_seconds", "method" => method, "route" => route, "status" => status_class)
        .record(seconds);
    if status >= 500 {
        tracing::warn!(parent: &span, http.status = status, seconds, "answered with a failure of ours");
    } else {
        tracing::debug!(parent: &span, http.status = status, seconds, "answered");
    }
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

/// Anybody can invent methods; a label must not grow with them.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
