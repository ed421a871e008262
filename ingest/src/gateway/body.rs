//! Body of a post: its encoding by content type, its size by the route's limit.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header},
};
use chatops_schemas::wire::MAX_FRAME_BYTES;

use super::{frame::Encoding, problem::Problem};

pub(super) async fn read(request: Request) -> Result<(Encoding, Bytes), Problem> {
    let encoding = encoding(request.headers())?;
    let bytes = Bytes::from_request(request, &())
        .await
        .map_err(|rejection| refused(&rejection))?;
    Ok((encoding, bytes))
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Problem> {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else {
        return Ok(Encoding::Json);
    };
    let kind = kind.to_str().unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim() {
        "application/json" => Ok(Encoding::Json),
        "application/msgpack" | "application/x-msgpack" | "application/vnd.msgpack" => {
            Ok(Encoding::Msgpack)
        }
        _ => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "CO2008",
            "Unsupported content type",
            "send application/json or application/msgpack",
        )),
    }
}

fn refused(rejection: &BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "CO2005",
            "Sample too large",
            format!("at most {MAX_FRAME_BYTES} bytes are accepted"),
        );
    }
    Problem::new(
        StatusCode::BAD_REQUEST,
        "CO2003",
        "Unreadable body",
        "the body could not be received",
    )
}
