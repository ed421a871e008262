//! Failures of the HTTP routes as `application/problem+json`. Each code has a page in `docs/errors`, which the API serves
//! under the document's `type`.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// A problem document.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    #[serde(rename = "type")]
    kind: Page,
    title: &'static str,
    #[serde(serialize_with = "number")]
    status: StatusCode,
    detail: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip)]
    retry_after_s: Option<u64>,
}

/// Where a code is explained.
#[derive(Debug)]
struct Page(&'static str);

impl Serialize for Page {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("/api/v1/errors/{}", self.0))
    }
}

fn number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind: Page(code),
            title,
            status,
            detail: detail.into(),
            code,
            request_id: None,
            retry_after_s: None,
        }
    }

    /// 503, come back in a moment.
    pub(super) fn busy(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "CO2007",
            "Try again later",
            detail,
        )
        .after(5)
    }

    /// 429, after failures.
    pub(super) fn too_many_attempts(seconds: u64) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "CO2010",
            "Too many attempts",
            "too many attempts failed from this address, or with this key from here",
        )
        .after(seconds)
    }

    /// Says when to come back, in seconds.
    pub(super) fn after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Takes over the request's id.
    pub(super) fn of(mut self, headers: &HeaderMap) -> Self {
        self.request_id = headers
            .get("x-request-id")
            .and_then(|id| id.to_str().ok())
            .map(|id| id.chars().take(64).collect());
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // Texts and numbers only: this cannot fail.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
