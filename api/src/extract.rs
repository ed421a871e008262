//! Reading requests: bodies, parameters in the path and in the query. Everything a client can get wrong becomes a
//! problem that names the place; nothing reaches a handler unparsed.

use axum::{
    extract::{FromRequest, FromRequestParts, Request, rejection::PathRejection},
    http::{HeaderMap, header, request::Parts},
};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::{code::Code, problem::Problem};

/// Largest request body, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// A JSON body.
#[derive(Debug)]
pub struct Body<T>(pub T);

/// A JSON body, or a form as HTML sends it.
#[derive(Debug)]
pub struct BodyOrForm<T>(pub T);

/// A JSON body that may be missing.
#[derive(Debug)]
pub struct OptionalBody<T>(pub Option<T>);

/// Parameters of the path.
#[derive(Debug)]
pub struct Path<T>(pub T);

/// Parameters of the query.
#[derive(Debug)]
pub struct Query<T>(pub T);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Form,
    Missing,
    Other,
}

fn kind(headers: &HeaderMap) -> Kind {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Kind::Missing;
    };
    let essence = value
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    match essence.to_ascii_lowercase().as_str() {
        "application/json" => Kind::Json,
        "application/x-www-form-urlencoded" => Kind::Form,
        other if other.starts_with("application/") && other.ends_with("+json") => Kind::Json,
        _ => Kind::Other,
    }
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // Structures are also read from lists, field by field in their order; no client means that.
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first
        .is_some_and(|byte| matches!(byte, b'[' | b'"' | b'0'..=b'9' | b'-' | b't' | b'f' | b'n'))
    {
        return Err(Problem::field("body", "must be a JSON object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        match cause.classify() {
            serde_json::error::Category::Data => {
                Problem::field(place(&path), plain(&cause.to_string()))
            }
            _ => Problem::new(Code::Malformed)
                .detail(format!("The body is not valid JSON: {cause}.")),
        }
    })?;
    reader.end().map_err(|error| {
        Problem::new(Code::Malformed).detail(format!("Text follows the JSON body: {error}."))
    })?;
    Ok(value)
}

fn place(path: &str) -> String {
    if path == "." {
        "body".to_owned()
    } else {
        path.to_owned()
    }
}

/// Drops the position that serde_json appends: the path says more.
fn plain(message: &str) -> String {
    message
        .split(" at line ")
        .next()
        .unwrap_or(message)
        .to_owned()
}

async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|error| {
        if error.status() == Code::TooLarge.status() {
            Problem::new(Code::TooLarge)
        } else {
            Problem::new(Code::Malformed).detail("The body ended early.")
        }
    })
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if kind(request.headers()) != Kind::Json {
            return Err(Problem::new(Code::MediaType));
        }
        json(&bytes(request, state).await?).map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for BodyOrForm<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match kind(request.headers()) {
            Kind::Json => json(&bytes(request, state).await?).map(Self),
            Kind::Form => {
                let body = bytes(request, state).await?;
                let value = serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(
                    form_urlencoded::parse(&body),
                ));
                value.map(Self).map_err(|error| {
                    Problem::field(place(&error.path().to_string()), error.inner().to_string())
                })
            }
            Kind::Missing | Kind::Other => Err(Problem::new(Code::MediaType)),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = kind(request.headers());
        let body = bytes(request, state).await?;
        match kind {
            _ if body.is_empty() => Ok(Self(None)),
            Kind::Json => json(&body).map(|value| Self(Some(value))),
            Kind::Form | Kind::Missing | Kind::Other => Err(Problem::new(Code::MediaType)),
        }
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            // What cannot be an id is the id of nothing.
            Err(PathRejection::FailedToDeserializePathParams(_)) => Err(Problem::new(
                Code::NoRoute,
            )
            .detail(
                "A part of the path is not an id: ids hold 1 to 64 letters, digits, '_' and '-'.",
            )),
            Err(_) => Err(Problem::new(Code::NoRoute)),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let reader = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(reader)
            .map(Self)
            .map_err(|error| {
                Problem::field(place(&error.path().to_string()), error.inner().to_string())
            })
    }
}

/// Tells an absent field of a change (keep) from `null` (clear).
pub mod change {
    use serde::{Deserialize, Deserializer};

    /// For `#[serde(default, deserialize_with = "extract::change::field")]` on an `Option<Option<T>>`.
    pub fn field<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        reader: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Option::deserialize(reader).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Input {
        #[expect(dead_code, reason = "only its shape matters")]
        name: String,
        #[serde(default)]
        tags: Vec<String>,
    }

    #[test]
    fn the_field_that_does_not_fit_is_named() {
        let problem = json::<Input>(br#"{"name":"a","tags":["x",7]}"#).unwrap_err();
        assert_eq!(problem.code(), Code::InvalidField);
        assert_eq!(problem.errors()[0].field, "tags[1]");
        assert_eq!(
            problem.errors()[0].message,
            "invalid type: integer `7`, expected a string"
        );
    }

    #[test]
    fn a_missing_field_and_a_wrong_root_are_named() {
        assert_eq!(
            json::<Input>(b"{}").unwrap_err().errors()[0].message,
            "missing field `name`"
        );
        assert_eq!(json::<Input>(b"[]").unwrap_err().code(), Code::InvalidField);
    }

    #[test]
    fn broken_json_is_malformed_and_a_tail_is_refused() {
        assert_eq!(
            json::<Input>(b"{\"name\":").unwrap_err().code(),
            Code::Malformed
        );
        assert_eq!(
            json::<Input>(b"{\"name\":\"a\"} x").unwrap_err().code(),
            Code::Malformed
        );
        assert_eq!(
            json::<Input>(b"\xff\xfe").unwrap_err().code(),
            Code::Malformed
        );
        assert!(json::<Input>(b"{\"name\":\"a\"} ").unwrap().tags.is_empty());
    }
}
