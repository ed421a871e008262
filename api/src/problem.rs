//! What every failure looks like to a client: an RFC 9457 document with a stable code.
//!
//! Handlers return [`Problem`]; it is the only failure that becomes a response. [`finish`] is the outermost layer: it
//! writes the document, because only there the request id is known, and turns bare failures of the framework (unknown
//! route, wrong method, panic) into documents too.

use std::borrow::Cow;

use axum::{
    Json,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{code::Code, request_id::RequestId, witness::Denial};

pub(crate) use chatops_bus::Chain;

/// A failure on its way to the client. `detail` and `errors` are shown to people: no secrets, no internals.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: Option<Cow<'static, str>>,
    errors: Vec<FieldError>,
    retry_after_s: Option<u64>,
    denial: Option<Box<Denial>>,
}

/// One field that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Name of the field as in the request.
    #[schema(example = "username")]
    pub field: String,
    /// What is wrong and what is allowed.
    #[schema(example = "has more than 64 characters")]
    pub message: String,
}

/// RFC 9457 problem document, `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Document {
    /// Address of the page that explains the code.
    #[serde(rename = "type")]
    #[schema(example = "/api/v1/errors/CO1201")]
    kind: String,
    /// The same sentence for every occurrence of the code.
    #[schema(example = "There is no such server")]
    title: &'static str,
    /// HTTP status.
    #[schema(example = 404)]
    status: u16,
    /// What is special about this occurrence.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Cow<'static, str>>,
    /// Stable code.
    #[schema(example = "CO1201")]
    code: &'static str,
    /// Quote it when you report the failure.
    request_id: String,
    /// Fields that were refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
}

impl Problem {
    /// A failure of this kind.
    pub const fn new(code: Code) -> Self {
        Self {
            code,
            detail: None,
            errors: Vec::new(),
            retry_after_s: None,
            denial: None,
        }
    }

    /// One field has a value that is not allowed.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Code::InvalidField).and_field(field, message)
    }

    /// Several fields have values that are not allowed.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        Self {
            errors,
            ..Self::new(Code::InvalidField)
        }
    }

    /// Names a field.
    #[must_use]
    pub fn and_field(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.errors.push(FieldError {
            field: field.into(),
            message: message.into(),
        });
        self
    }

    /// Says what is special about this occurrence.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Everything there is to say, in one line.
    pub fn words(&self) -> String {
        let mut words = self.code.title().to_owned();
        if let Some(detail) = &self.detail {
            words = format!("{words}: {detail}");
        }
        for error in &self.errors {
            words = format!("{words}; {} {}", error.field, error.message);
        }
        words
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds.max(1));
        self
    }

    /// Marks it as a refusal by the authorisation, which the audit wants to know. Never shown to the client.
    #[must_use]
    pub fn denied(mut self, denial: Denial) -> Self {
        self.denial = Some(Box::new(denial));
        self
    }

    /// The same refusal as if there were nothing: another code, and not a word about why.
    #[must_use]
    pub fn instead(mut self, code: Code) -> Self {
        self.code = code;
        self.detail = None;
        self
    }

    /// What was refused by the authorisation, if that is what it is.
    pub fn denial(&self) -> Option<&Denial> {
        self.denial.as_deref()
    }

    /// A bug or an impossible state: the cause goes to the log, the client gets the request id.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %Chain(error), "request failed on our side");
        metrics::counter!("chatops_api_internal_errors_total").increment(1);
        Self::new(Code::Internal)
    }

    /// What is special about this occurrence.
    pub fn occasion(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// Its code.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The fields it names.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // The document needs the request id; `finish` writes it.
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Layer: writes the document of every failed response.
pub async fn finish(request: Request, next: Next) -> Response {
    let id = request
        .extensions()
        .get::<RequestId>()
        .cloned()
        .unwrap_or_default();
    let mut response = next.run(request).await;
    let status = response.status();
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        // Answers that the framework made without us; a handler's own failures are always `Problem`s.
        None if is_bare(&response) => match status {
            StatusCode::NOT_FOUND => Problem::new(Code::NoRoute),
            StatusCode::METHOD_NOT_ALLOWED => Problem::new(Code::Method),
            StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Code::TooLarge),
            StatusCode::REQUEST_TIMEOUT | StatusCode::SERVICE_UNAVAILABLE => {
                Problem::new(Code::Timeout)
            }
            status if status.is_server_error() => Problem::new(Code::Internal),
            _ => Problem::new(Code::Malformed),
        },
        None => return response,
    };
    let code = problem.code;
    let document = Document {
        kind: format!("/api/v1/errors/{}", code.as_str()),
        title: code.title(),
        status: code.status().as_u16(),
        detail: problem.detail,
        code: code.as_str(),
        request_id: id.to_string(),
        errors: problem.errors,
    };
    metrics::counter!("chatops_api_problems_total", "code" => code.as_str()).increment(1);
    let mut written = (code.status(), Json(document)).into_response();
    let headers = written.headers_mut();
    for (name, value) in response.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            headers.append(name.clone(), value.clone());
        }
    }
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = problem.retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if code.status() == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    written
}

fn is_bare(response: &Response) -> bool {
    let failed = response.status().is_client_error() || response.status().is_server_error();
    let typed = response.headers().get(header::CONTENT_TYPE);
    failed && typed.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"))
}
