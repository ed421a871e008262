//! Where a request comes from, as far as that can be trusted.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::ConnectInfo,
    http::{Extensions, HeaderMap},
};

/// Address of the client: the one our own proxy names, else that of the connection, where the server was set up to pass it
/// on (`into_make_service_with_connect_info`).
pub(super) fn address(
    headers: &HeaderMap,
    extensions: &Extensions,
    behind_proxy: bool,
) -> Option<IpAddr> {
    let socket = || {
        extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|ConnectInfo(address)| address.ip().to_canonical())
    };
    behind_proxy
        .then(|| forwarded_for(headers))
        .flatten()
        .or_else(socket)
}

/// The last entry is the one that our own proxy wrote; what stands before it anybody can invent.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    let address: IpAddr = last
        .to_str()
        .ok()?
        .rsplit(',')
        .next()?
        .trim()
        .parse()
        .ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_word_counts_only_behind_a_proxy() {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 4000))));
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "6.6.6.6, 192.0.2.9".parse().unwrap());
        let read = |headers: &HeaderMap, proxy| {
            address(headers, &extensions, proxy).map(|a| a.to_string())
        };
        assert_eq!(read(&headers, true).as_deref(), Some("192.0.2.9"));
        assert_eq!(read(&headers, false).as_deref(), Some("192.0.2.1"));
        headers.append("x-forwarded-for", "nonsense".parse().unwrap());
        assert_eq!(read(&headers, true).as_deref(), Some("192.0.2.1"));
        assert_eq!(address(&headers, &Extensions::new(), false), None);
    }
}
