//! The web app, embedded in the binary.
//!
//! Files come ready compressed from its build; the best form that the browser takes is sent as it is. Files with a hash in
//! their name are kept by browsers for ever, everything else is asked for again and answered with 304 while it is the
//! same. Unknown paths without a dot belong to the app's own router and get its page.

mod encoding;
mod policy;

use std::borrow::Cow;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use self::encoding::{Encoding, accepted};
use crate::{auth::secret, code::Code, problem::Problem, state::Api};

/// Written by `npm run build`. The crate also builds without it; [`MISSING`] is served then.
#[derive(RustEmbed)]
#[folder = "../ui/dist"]
#[allow_missing = true]
struct Dist;

/// Replaced in the page by a fresh number per response, for styles that scripts have to add.
const NONCE_PLACE: &str = "__CSP_NONCE__";
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

const MISSING: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>ChatOps</title>\
<h1>The web app is not part of this build</h1>\
<p>Build it with <code>npm ci &amp;&amp; npm run build</code> in <code>ui/</code>, then build the server again; \
<code>make run</code> does both. The HTTP API works: see <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>.</p>";

/// Fallback of the router: files of the app, its page, or a problem.
pub async fn handle(
    State(_): State<Api>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let path = uri.path().trim_start_matches('/');
    if is_api(path) {
        return Problem::new(Code::NoRoute).into_response();
    }
    if !matches!(method, Method::GET | Method::HEAD) {
        let mut refused = Problem::new(Code::Method).into_response();
        refused
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    let last = path.rsplit('/').next().unwrap_or_default();
    let hidden = path.split('/').any(|part| part.starts_with('.')) || Encoding::is_suffix_of(path);
    match Dist::get(path).filter(|_| !hidden && path != "index.html") {
        Some(plain) => file(path, plain, &headers),
        None if last.contains('.') && path != "index.html" => {
            Problem::new(Code::NoRoute).into_response()
        }
        None => page(),
    }
}

fn is_api(path: &str) -> bool {
    path == "api" || path.starts_with("api/")
}

fn file(path: &str, plain: EmbeddedFile, headers: &HeaderMap) -> Response {
    let (encoding, body) = accepted(headers)
        .find_map(|encoding| {
            Dist::get(&format!("{path}{}", encoding.suffix()))
                .map(|file| (Some(encoding), file.data))
        })
        .unwrap_or((None, plain.data));
    let tag = etag(&plain.metadata.sha256_hash(), encoding);
    let caching = if path.starts_with("assets/") {
        FOR_EVER
    } else {
        ASK_AGAIN
    };
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    let same = known.is_some_and(|known| {
        known
            .split(',')
            .any(|one| one.trim().trim_start_matches("W/") == tag)
    });
    let mut response = if same {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(body_of(body))
    };
    let out = response.headers_mut();
    if !same {
        out.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(content_type(path)),
        );
        if let Some(encoding) = encoding {
            out.insert(
                header::CONTENT_ENCODING,
                HeaderValue::from_static(encoding.name()),
            );
        }
    }
    out.insert(header::CACHE_CONTROL, caching);
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        out.insert(header::ETAG, tag);
    }
    policy::harden(out, None);
    response
}

fn page() -> Response {
    let Some(index) = Dist::get("index.html") else {
        return html(StatusCode::SERVICE_UNAVAILABLE, MISSING.to_owned(), None);
    };
    let text = String::from_utf8_lossy(&index.data);
    if !text.contains(NONCE_PLACE) {
        return html(StatusCode::OK, text.into_owned(), None);
    }
    match secret::random::<16>() {
        Ok(nonce) => {
            let nonce = data_encoding::BASE64URL_NOPAD.encode(nonce.as_slice());
            html(
                StatusCode::OK,
                text.replace(NONCE_PLACE, &nonce),
                Some(&nonce),
            )
        }
        Err(problem) => problem.into_response(),
    }
}

fn html(status: StatusCode, text: String, nonce: Option<&str>) -> Response {
    let mut response = (status, text).into_response();
    let out = response.headers_mut();
    out.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    policy::harden(out, nonce);
    response
}

fn body_of(data: Cow<'static, [u8]>) -> Body {
    match data {
        Cow::Borrowed(bytes) => Body::from(bytes),
        Cow::Owned(bytes) => Body::from(bytes),
    }
}

fn etag(hash: &[u8; 32], encoding: Option<Encoding>) -> String {
    // Two encodings of one file are two representations.
    let form = encoding.map_or("", Encoding::suffix);
    format!("\"{}{form}\"", data_encoding::HEXLOWER.encode(&hash[..16]))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}
