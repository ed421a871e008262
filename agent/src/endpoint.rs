//! The address of the server, and by it the way there. Parsed by [`config`](crate::config), used by
//! [`transport`](crate::transport).

/// Path of the gateway for agents.
const GATEWAY: &str = "/api/v1/agents/ws";

/// Where samples go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// NATS, one or more addresses separated by commas.
    Nats(String),
    /// The gateway, for networks that only let HTTPS out.
    Websocket(String),
}

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// No scheme, or one we do not speak.
    #[error(
        "{0:?} is not an address this agent can use: it starts with nats:// or tls:// (NATS), or with https:// or wss:// (the web address)"
    )]
    Scheme(String),
    /// Nothing behind the scheme.
    #[error("{0:?} names no host")]
    NoHost(String),
    /// A password in an address ends up in logs.
    #[error(
        "the address holds a user name or password; give the key with CHATOPS_API_KEY or --api-key-file instead"
    )]
    Credentials,
    /// NATS where the web address belongs.
    #[error("{0:?} is not the web address of a server: it starts with https:// or http://")]
    NotWeb(String),
    /// NATS and web addresses in one list.
    #[error("several addresses are possible for NATS only, all starting with nats:// or tls://")]
    Mixed,
}

impl Endpoint {
    /// Parses an address. `http` and `https` are the web application's own address; the gateway's path is added.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let parts: Vec<&str> = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect();
        let [first, others @ ..] = parts.as_slice() else {
            return Err(EndpointError::Scheme(shown(text)));
        };
        match scheme(first)? {
            ("nats" | "tls", _) => {
                for part in others {
                    if !matches!(scheme(part)?, ("nats" | "tls", _)) {
                        return Err(EndpointError::Mixed);
                    }
                }
                Ok(Self::Nats(parts.join(",")))
            }
            _ if !others.is_empty() => Err(EndpointError::Mixed),
            ("http" | "ws", rest) => Ok(Self::Websocket(format!("ws://{}", with_path(rest)))),
            ("https" | "wss", rest) => Ok(Self::Websocket(format!("wss://{}", with_path(rest)))),
            _ => Err(EndpointError::Scheme(shown(text))),
        }
    }

    /// The address, for people.
    pub fn url(&self) -> &str {
        match self {
            Self::Nats(url) | Self::Websocket(url) => url,
        }
    }
}

/// The web address of a server, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebAddress {
    /// Whether to speak TLS.
    pub tls: bool,
    /// Name or address of the host, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// `host[:port]` as it was written.
    pub authority: String,
    /// Path in front of `/api`, without a slash at its end.
    pub base: String,
}

impl WebAddress {
    /// Parses `http://…` or `https://…`.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let text = text.trim();
        let (tls, rest) = match scheme(text)? {
            ("http", rest) => (false, rest),
            ("https", rest) => (true, rest),
            _ => return Err(EndpointError::NotWeb(shown(text))),
        };
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        let (authority, base) = path
            .find('/')
            .map_or((path, ""), |slash| path.split_at(slash));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                let port = port
                    .parse()
                    .map_err(|_| EndpointError::NoHost(shown(text)))?;
                (host, port)
            }
            _ => (authority, if tls { 443 } else { 80 }),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Ok(Self {
            tls,
            host: host.to_owned(),
            port,
            authority: authority.to_owned(),
            base: base.trim_end_matches('/').to_owned(),
        })
    }
}

fn scheme(text: &str) -> Result<(&str, &str), EndpointError> {
    let (scheme, rest) = text
        .split_once("://")
        .ok_or_else(|| EndpointError::Scheme(shown(text)))?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return Err(EndpointError::Credentials);
    }
    let plain = host
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']' | '%'));
    if host.is_empty() || host.starts_with(':') || !plain {
        return Err(EndpointError::NoHost(shown(text)));
    }
    Ok((scheme, rest))
}

fn with_path(rest: &str) -> String {
    let base = rest
        .split(['?', '#'])
        .next()
        .unwrap_or_default()
        .trim_end_matches('/');
    if base.ends_with(GATEWAY) {
        base.to_owned()
    } else {
        format!("{base}{GATEWAY}")
    }
}

/// What a person typed, cut short, without what stands before an `@`: it may be a password.
fn shown(text: &str) -> String {
    let text = text.rsplit_once('@').map_or(text, |(_, host)| host);
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_scheme_chooses_the_way() {
        let nats = |url: &str| Ok(Endpoint::Nats(url.to_owned()));
        let web = |url: &str| Ok(Endpoint::Websocket(url.to_owned()));
        assert_eq!(
            Endpoint::parse("nats://host:4222"),
            nats("nats://host:4222")
        );
        assert_eq!(
            Endpoint::parse(" tls://a:4222, nats://b "),
            nats("tls://a:4222,nats://b")
        );
        assert_eq!(
            Endpoint::parse("https://host/"),
            web("wss://host/api/v1/agents/ws")
        );
        assert_eq!(
            Endpoint::parse("http://[::1]:8080"),
            web("ws://[::1]:8080/api/v1/agents/ws")
        );
        assert_eq!(
            Endpoint::parse("wss://host/ops/api/v1/agents/ws"),
            web("wss://host/ops/api/v1/agents/ws")
        );
        assert_eq!(
            Endpoint::parse("https://host/ops?x=1"),
            web("wss://host/ops/api/v1/agents/ws")
        );
    }

    #[test]
    fn others_are_refused_in_words() {
        for bad in [
            "",
            "host:4222",
            "ftp://host",
            "nats://",
            "https:///path",
            "nats://:4222",
            "nats://a b",
        ] {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            Endpoint::parse("https://a,https://b"),
            Err(EndpointError::Mixed)
        );
        assert_eq!(
            Endpoint::parse("nats://a,https://b"),
            Err(EndpointError::Mixed)
        );
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        assert_eq!(
            Endpoint::parse("nats://me:hunter2@host"),
            Err(EndpointError::Credentials)
        );
        let error = Endpoint::parse("me:hunter2@host").unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in ".{0,80}") {
            let _ = Endpoint::parse(&text);
        }
    }

    #[test]
    fn web_addresses_are_taken_apart() {
        let parts = |text| {
            let web = WebAddress::parse(text).unwrap();
            (web.tls, web.host, web.port, web.authority, web.base)
        };
        let own = str::to_owned;
        assert_eq!(
            parts("https://ops.example.org"),
            (
                true,
                own("ops.example.org"),
                443,
                own("ops.example.org"),
                own("")
            )
        );
        assert_eq!(
            parts("http://[::1]:8080/chat/"),
            (false, own("::1"), 8080, own("[::1]:8080"), own("/chat"))
        );
        assert_eq!(parts("http://[::1]").2, 80);
        for wrong in ["nats://a", "https://", "https://a:b", "https://u:p@a", "a"] {
            assert!(WebAddress::parse(wrong).is_err(), "{wrong}");
        }
    }
}
