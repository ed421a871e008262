//! Whether a request with cookies comes from our own pages. Cookies are `SameSite=Strict`; this is the second lock, for
//! browsers and sibling hosts that the first one does not hold back.

use axum::http::{HeaderMap, header};

use crate::{code::Code, problem::Problem};

/// A header that only scripts can set, and scripts of other origins only with a permission that we never give.
pub const HEADER: &str = "x-chatops-csrf";

/// The header is there, and the origin (if any) is this server.
pub fn from_own_pages(headers: &HeaderMap, host: Option<&str>) -> bool {
    let marked = headers.get(HEADER).is_some_and(|value| value == "1");
    marked && origin(headers, host) != Origin::Foreign
}

/// Where a browser says that the request began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It does not say: not a browser, or an old one.
    Absent,
    /// A page of this server.
    Own,
    /// Anything else.
    Foreign,
}

/// Compares `Origin` with the host that was asked for.
pub fn origin(headers: &HeaderMap, host: Option<&str>) -> Origin {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Origin::Absent;
    };
    let Some((scheme, authority)) = origin.to_str().ok().and_then(|text| text.split_once("://"))
    else {
        return Origin::Foreign;
    };
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return Origin::Foreign,
    };
    let bare = |text: &str| {
        text.strip_suffix(default_port)
            .unwrap_or(text)
            .to_ascii_lowercase()
    };
    match host {
        Some(host) if bare(host) == bare(authority) => Origin::Own,
        _ => Origin::Foreign,
    }
}

/// The refusal.
pub fn refused() -> Problem {
    Problem::new(Code::CrossSite)
        .detail("Writes with a session cookie need the header X-ChatOps-CSRF: 1 and, from a browser, our own Origin.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(marked: bool, origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if marked {
            headers.insert(HEADER, "1".parse().unwrap());
        }
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_marked_requests_of_our_own_origin_pass() {
        for (marked, from, host, passes) in [
            (true, None, "ops.example", true),
            (true, Some("https://ops.example"), "ops.example", true),
            (true, Some("https://OPS.example"), "ops.example:443", true),
            (true, Some("http://127.0.0.1:8080"), "127.0.0.1:8080", true),
            (false, None, "ops.example", false),
            (false, Some("https://ops.example"), "ops.example", false),
            (true, Some("https://evil.example"), "ops.example", false),
            (true, Some("https://ops.example.evil"), "ops.example", false),
            (true, Some("http://127.0.0.1:8081"), "127.0.0.1:8080", false),
            (true, Some("null"), "ops.example", false),
        ] {
            assert_eq!(
                from_own_pages(&headers(marked, from), Some(host)),
                passes,
                "{marked} {from:?} {host}"
            );
        }
        assert!(!from_own_pages(
            &headers(true, Some("https://ops.example")),
            None
        ));
    }
}
