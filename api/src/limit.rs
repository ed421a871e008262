//! What keeps one request from hurting the others: a time limit, and a net under panics.

use std::any::Any;

use axum::{
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{code::Code, problem::Problem, state::Api};

/// Layer: gives a request up that takes too long. Upgraded sockets have left this layer by then. Answers that do not
/// say how long they may be kept are not kept.
pub async fn time(State(api): State<Api>, request: Request, next: Next) -> Response {
    let mut response =
        match tokio::time::timeout(api.config().request_timeout, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Problem::new(Code::Timeout).retry_after(5).into_response(),
        };
    let caching = response.headers_mut().entry(header::CACHE_CONTROL);
    caching.or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The answer to a request whose handler panicked. The panic itself is in the log.
pub fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let said = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = said.unwrap_or("(no message)"), "a handler panicked");
    metrics::counter!("chatops_api_panics_total").increment(1);
    Problem::new(Code::Internal).into_response()
}
