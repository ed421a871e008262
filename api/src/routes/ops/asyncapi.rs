//! `GET /api/v1/asyncapi.json`: what travels on sockets and on NATS, described for programs.

use std::sync::OnceLock;

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

/// Sockets and subjects, described for programs (AsyncAPI 3.0)
#[utoipa::path(get, path = "/asyncapi.json", tag = "Operations", operation_id = "asyncapi", security(()),
    responses((status = 200, description = "the document", body = Object)))]
pub async fn handle() -> Response {
    // The document is the same for the life of the program.
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(crate::asyncapi::text);
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, text.as_str()).into_response()
}
