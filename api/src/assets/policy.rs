//! What the web app's pages may do in a browser: load from here and nowhere else.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

const REST: &str = "default-src 'self'; connect-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; \
form-action 'self'; frame-ancestors 'none'";

/// Adds the policies. A nonce allows the styles that carry it.
pub(super) fn harden(headers: &mut HeaderMap, nonce: Option<&str>) {
    let policy = match nonce {
        Some(nonce) => format!("{REST}; style-src 'self' 'nonce-{nonce}'"),
        None => format!("{REST}; style-src 'self'"),
    };
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
}
