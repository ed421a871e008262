//! `GET /api/v1/errors/{code}`: what an error code means and what to do. The `type` of every problem leads here.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use crate::{
    code::Code,
    extract::Path,
    problem::{Document, Problem},
};

/// What an error code means and what to do
#[utoipa::path(get, path = "/errors/{code}", tag = "Operations", operation_id = "error_page", security(()),
    params(("code" = String, Path, example = "CO1201")),
    responses(
        (status = 200, description = "the text", body = String, content_type = "text/markdown"),
        (status = 404, description = "CO1105", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(Path(code): Path<String>) -> Result<Response, Problem> {
    let code = Code::parse(&code).ok_or(Problem::new(Code::NoRoute))?;
    let kind = HeaderValue::from_static("text/markdown; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], code.page()).into_response())
}
