//! How browsers keep a session: two cookies that scripts cannot read.

use axum::http::{HeaderMap, HeaderValue, header};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use secrecy::{ExposeSecret, SecretString};
use time::Duration;

/// Name of the access cookie, sent with every request.
pub const ACCESS: &str = "chatops_access";
/// Name of the refresh cookie, sent only where it is used.
pub const REFRESH: &str = "chatops_refresh";

/// Name of the cookie of a browser that is at the identity provider.
pub const VISIT: &str = "chatops_oidc";

const VISIT_PATH: &str = "/api/v1/auth/oidc";
const REFRESH_PATH: &str = "/api/v1/auth";

/// Reads a cookie.
pub fn read(headers: &HeaderMap, name: &str) -> Option<String> {
    CookieJar::from_headers(headers)
        .get(name)
        .map(|cookie| cookie.value().to_owned())
}

/// The `Set-Cookie` headers of a session.
pub fn set(
    access: &str,
    refresh: &str,
    access_s: u64,
    refresh_s: u64,
    https: bool,
) -> Vec<HeaderValue> {
    vec![
        header_of(cookie(ACCESS, access, "/", access_s, https)),
        header_of(cookie(REFRESH, refresh, REFRESH_PATH, refresh_s, https)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The `Set-Cookie` headers that end a session.
pub fn clear(https: bool) -> Vec<HeaderValue> {
    set("", "", 0, 0, https)
}

/// Marks a browser that goes to the identity provider. It comes back by a link of another site, which a strict cookie
/// would not survive.
pub fn set_visit(value: &SecretString, seconds: u64, https: bool) -> Option<HeaderValue> {
    let mut cookie = cookie(VISIT, value.expose_secret(), VISIT_PATH, seconds, https);
    cookie.set_same_site(SameSite::Lax);
    header_of(cookie)
}

/// Forgets the mark.
pub fn clear_visit(https: bool) -> Option<HeaderValue> {
    set_visit(&SecretString::default(), 0, https)
}

/// Adds `Set-Cookie` headers.
pub fn attach(headers: &mut HeaderMap, cookies: Vec<HeaderValue>) {
    for cookie in cookies {
        headers.append(header::SET_COOKIE, cookie);
    }
}

fn cookie(
    name: &'static str,
    value: &str,
    path: &'static str,
    seconds: u64,
    https: bool,
) -> Cookie<'static> {
    Cookie::build((name, value.to_owned()))
        .path(path)
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(https)
        .max_age(Duration::seconds(
            i64::try_from(seconds).unwrap_or(i64::MAX),
        ))
        .build()
}

fn header_of(cookie: Cookie<'static>) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&cookie.to_string()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_out_of_reach_of_scripts_and_other_sites() {
        let set = set("a.b.c", "r", 1800, 604_800, true);
        assert_eq!(
            set[0],
            "chatops_access=a.b.c; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=1800"
        );
        assert_eq!(
            set[1],
            "chatops_refresh=r; HttpOnly; SameSite=Strict; Secure; Path=/api/v1/auth; Max-Age=604800"
        );
        assert!(
            clear(false)
                .iter()
                .all(|cookie| cookie.to_str().unwrap().ends_with("Max-Age=0"))
        );
    }
}
