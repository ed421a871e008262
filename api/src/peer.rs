//! Where a request comes from: the address that attempts are counted for, and whether our own pages sent it.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, header, request::Parts},
};

use crate::{auth::csrf, body::session::Keep, problem::Problem, state::Api};

/// Where a request comes from.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Address of the client, as far as it can be trusted.
    pub address: IpAddr,
    /// Whether the browser speaks HTTPS to us or to our proxy.
    pub https: bool,
    /// `host[:port]` that the client asked for.
    pub host: Option<String>,
    /// The request carries the proof that a script of our own pages sent it.
    own_pages: bool,
}

impl Peer {
    /// Reads the facts from a request.
    pub fn of(api: &Api, parts: &Parts) -> Self {
        let proxied = api.config().behind_proxy;
        let socket = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0.ip());
        let forwarded = proxied.then(|| forwarded_for(&parts.headers)).flatten();
        let host = host(parts, proxied);
        let https = match text(&parts.headers, "x-forwarded-proto") {
            Some(scheme) if proxied => scheme.eq_ignore_ascii_case("https"),
            _ => {
                let public = api.config().public_url.as_deref();
                api.config().https || public.is_some_and(|url| url.starts_with("https://"))
            }
        };
        Self {
            address: forwarded
                .or(socket)
                .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            https,
            own_pages: csrf::from_own_pages(&parts.headers, host.as_deref()),
            host,
        }
    }

    /// Refuses to set cookies for a request that another site could have caused: it could sign its visitor in as
    /// somebody else.
    pub fn may_receive_cookies(&self, keep: Keep) -> Result<(), Problem> {
        match keep {
            Keep::Cookie => self.must_be_own_pages(),
            Keep::Token => Ok(()),
        }
    }

    /// Refuses a write by cookie that another site could have caused.
    pub fn must_be_own_pages(&self) -> Result<(), Problem> {
        if self.own_pages {
            Ok(())
        } else {
            Err(csrf::refused())
        }
    }
}

impl FromRequestParts<Api> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Infallible> {
        Ok(Self::of(api, parts))
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::trim)
}

/// The last entry is the one that our own proxy wrote; what stands before it anybody can invent.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let all = headers
        .get_all("x-forwarded-for")
        .iter()
        .next_back()?
        .to_str()
        .ok()?;
    all.rsplit(',').next()?.trim().parse().ok()
}

fn host(parts: &Parts, proxied: bool) -> Option<String> {
    let forwarded = proxied
        .then(|| text(&parts.headers, "x-forwarded-host"))
        .flatten();
    let named = forwarded.or_else(|| text(&parts.headers, header::HOST.as_str()));
    named
        .map(str::to_owned)
        .or_else(|| parts.uri.authority().map(ToString::to_string))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_forwarded_address_counts() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "6.6.6.6, 192.0.2.9".parse().unwrap());
        assert_eq!(forwarded_for(&headers), "192.0.2.9".parse().ok());
        headers.append("x-forwarded-for", "2001:db8::1".parse().unwrap());
        assert_eq!(forwarded_for(&headers), "2001:db8::1".parse().ok());
        headers.append("x-forwarded-for", "nonsense".parse().unwrap());
        assert_eq!(forwarded_for(&headers), None);
    }
}
