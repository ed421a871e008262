//! Which addresses messages may go to. Whoever may write a channel decides where this machine connects to: without a
//! guard that is every service of the internal network, and the cloud's metadata with its keys.
//!
//! Guarantees: a name is looked up once per connection, and the connection goes to exactly the addresses that were found
//! fit; there is no second look-up that could say something else. Spellings do not matter, because only the parsed address
//! is judged. Called by [`sender`](super::sender): for web addresses the HTTP client asks here instead of the system, and an
//! address written as a number, which it would not ask about, is judged before.

use std::{
    error::Error,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// Internal, and the owner has not allowed that.
    #[error(
        "the address is internal ({what}); the owner of this installation has to allow internal addresses first"
    )]
    Internal {
        /// Why it counts as internal.
        what: &'static str,
    },
    /// Never allowed.
    #[error("messages are never sent to this address ({what})")]
    Never {
        /// Why not.
        what: &'static str,
    },
    /// The name is not known. It may be tomorrow.
    #[error("the name of the machine cannot be found")]
    Unknown,
}

/// What is allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Guard {
    /// Whether the owner has allowed internal addresses.
    pub internal: bool,
}

/// What kind of address it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Anybody's.
    Public,
    /// This machine's or this network's.
    Internal(&'static str),
    /// Nobody's, or a machine's own keys.
    Never(&'static str),
}

impl Guard {
    /// Whether an address may be connected to.
    ///
    /// # Errors
    /// Why not.
    pub fn check(self, address: IpAddr) -> Result<(), GuardError> {
        match reach(address) {
            Reach::Public => Ok(()),
            Reach::Internal(_) if self.internal => Ok(()),
            Reach::Internal(what) => Err(GuardError::Internal { what }),
            Reach::Never(what) => Err(GuardError::Never { what }),
        }
    }

    /// Judges a web address that names its machine by a number. Names are judged when they are looked up.
    ///
    /// # Errors
    /// Why it may not be connected to.
    pub fn check_url(self, url: &Url) -> Result<(), GuardError> {
        match url.host() {
            Some(Host::Ipv4(address)) => self.check(address.into()),
            Some(Host::Ipv6(address)) => self.check(address.into()),
            Some(Host::Domain(_)) => Ok(()),
            None => Err(GuardError::Unknown),
        }
    }

    /// The addresses of a machine that may be connected to: at least one.
    ///
    /// # Errors
    /// When there is none.
    pub async fn look_up(self, host: &str, port: u16) -> Result<Vec<SocketAddr>, GuardError> {
        let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
            .await
            .map_err(|_| GuardError::Unknown)?
            .collect();
        let mut refused = GuardError::Unknown;
        let mut fit = Vec::with_capacity(found.len());
        for address in found {
            match self.check(address.ip()) {
                Ok(()) => fit.push(address),
                Err(error) => refused = error,
            }
        }
        if fit.is_empty() {
            Err(refused)
        } else {
            Ok(fit)
        }
    }

    /// What was wrong, if an error of the HTTP client goes back to this guard.
    pub(super) fn cause(error: &(dyn Error + 'static)) -> Option<GuardError> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(ours) = error.downcast_ref::<GuardError>() {
                return Some(ours.clone());
            }
            next = error.source();
        }
        None
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = *self;
        Box::pin(async move {
            // Port 0: the client puts in the one of the address.
            let fit = guard.look_up(name.as_str(), 0).await?;
            Ok(Box::new(fit.into_iter()) as Addrs)
        })
    }
}

fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

/// The special-purpose registry of IPv4.
fn reach_v4(address: Ipv4Addr) -> Reach {
    use Reach::{Internal, Never, Public};
    // Two clouds keep theirs outside the link-local block.
    if matches!(address.octets(), [100, 100, 100, 200] | [168, 63, 129, 16]) {
        return Never("metadata of a cloud");
    }
    match address.octets() {
        [0, ..] => Never("unspecified"),
        [127, ..] => Internal("loopback"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Internal("private"),
        [100, 64..=127, ..] => Internal("shared address space"),
        [169, 254, ..] => Never("link-local"),
        [192, 0, 0, _] | [192, 31, 196, _] | [192, 52, 193, _] | [192, 88, 99, _] => {
            Never("reserved for protocols")
        }
        [192, 175, 48, _] => Never("reserved for protocols"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Never("documentation"),
        [198, 18..=19, ..] => Never("benchmarks"),
        [224..=239, ..] => Never("multicast"),
        [240..=255, ..] => Never("reserved"),
        _ => Public,
    }
}

/// Only global unicast is public, without the blocks in it that carry other addresses or nobody's.
fn reach_v6(address: Ipv6Addr) -> Reach {
    use Reach::{Internal, Never, Public};
    if address == Ipv6Addr::LOCALHOST {
        return Internal("loopback");
    }
    match address.segments() {
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254] => Never("metadata of a cloud"),
        [0xfc00..=0xfdff, ..] => Internal("unique local"),
        // What a machine without IPv4 connects to instead: as good as the address within.
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            reach_v4(Ipv4Addr::new(a, b, c, d))
        }
        [0, 0, 0, 0, 0, 0, 0, 0] => Never("unspecified"),
        [0, 0, 0, 0, 0, 0xffff, ..] => Never("IPv4 within IPv6"),
        [0, 0, 0, 0, ..] => Never("IPv4 within IPv6"),
        [0xfe80..=0xfeff, ..] => Never("link-local"),
        [0xff00..=0xffff, ..] => Never("multicast"),
        [0x2001, 0x0000..=0x01ff, ..] => Never("reserved for protocols"),
        [0x2001, 0x0db8, ..] | [0x3fff, 0x0000..=0x0fff, ..] => Never("documentation"),
        [0x2002, ..] => Never("IPv4 within IPv6"),
        [0x2000..=0x3fff, ..] => Public,
        _ => Never("reserved"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Guard = Guard { internal: false };
    const OPEN: Guard = Guard { internal: true };

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn public_addresses_are_fit() {
        for host in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.167.0.1",
            "223.255.255.255",
            "[2606:4700:4700::1111]",
            "[2001:200::1]",
            "[64:ff9b::1.1.1.1]",
        ] {
            assert_eq!(
                STRICT.check_url(&url(&format!("https://{host}/"))),
                Ok(()),
                "{host}"
            );
        }
    }

    #[test]
    fn internal_addresses_need_the_owner_in_every_spelling() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "127.0.0.1.",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[fc00::1]",
            "[fdff:ffff::1]",
            "[64:ff9b::10.0.0.1]",
            "[64:ff9b::7f00:1]",
        ] {
            let url = url(&format!("https://{host}/"));
            let refused = STRICT.check_url(&url);
            assert!(
                matches!(refused, Err(GuardError::Internal { .. })),
                "{host}: {refused:?}"
            );
            assert_eq!(OPEN.check_url(&url), Ok(()), "{host}");
        }
    }

    #[test]
    fn some_addresses_are_never_fit() {
        for host in [
            "0.0.0.0",
            "0",
            "0.1.2.3",
            "169.254.169.254",
            "0xa9fea9fe",
            "2852039166",
            "169.254.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:1.1.1.1]",
            "[::ffff:a9fe:a9fe]",
            "[::127.0.0.1]",
            "[::ffff:0:127.0.0.1]",
            "[64:ff9b::169.254.169.254]",
            "[64:ff9b:1::1.1.1.1]",
            "[2002:7f00:1::]",
            "[2002:101:101::]",
            "[2001::1]",
            "[2001:db8::1]",
            "[3fff::1]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[fd00:ec2::254]",
            "[100::1]",
            "[4000::1]",
        ] {
            let url = url(&format!("https://{host}/"));
            for guard in [STRICT, OPEN] {
                let refused = guard.check_url(&url);
                assert!(
                    matches!(refused, Err(GuardError::Never { .. })),
                    "{host}: {refused:?}"
                );
            }
        }
    }

    #[tokio::test]
    async fn a_name_is_judged_by_what_it_leads_to() {
        let refused = STRICT.look_up("localhost", 80).await;
        assert!(
            matches!(refused, Err(GuardError::Internal { .. })),
            "{refused:?}"
        );
        let found = OPEN.look_up("localhost", 80).await.unwrap();
        assert!(
            found
                .iter()
                .all(|address| address.ip().is_loopback() && address.port() == 80)
        );
        // The system reads numbers as freely as browsers do.
        for number in ["127.1", "0x7f.1", "2130706433"] {
            assert!(STRICT.look_up(number, 80).await.is_err(), "{number}");
        }
        assert_eq!(
            OPEN.look_up(&"x".repeat(64), 80).await,
            Err(GuardError::Unknown)
        );
    }
}
