//! `GET /healthz`: this process runs. Says nothing of what it depends on: see `/readyz`.

/// Is this process alive?
#[utoipa::path(get, path = "/healthz", tag = "Operations", operation_id = "healthz", security(()),
    responses((status = 200, description = "the text", body = String, content_type = "text/plain", example = "ok")))]
pub async fn handle() -> &'static str {
    "ok"
}
