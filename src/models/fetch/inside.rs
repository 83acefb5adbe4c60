//! No way from outside into one's own network: a server of the web that sends on to this machine, or to a computer or a router
//! beside it, would have the child ask there in its place. Judged by the address that a name has, when it is looked up.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::OnceLock;
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Why a redirect is not followed, as a part of a sentence.
pub(super) const INSIDE: &str = "it sends on to an address of your own network";

/// Looks names up as usual. When the first one was outside, none that follows may be inside.
#[derive(Debug, Default)]
pub(super) struct Outward {
    usual: DefaultResolver,
    began_inside: OnceLock<bool>,
}

impl Resolver for Outward {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.usual.resolve(uri, config, timeout)?;
        let inside = found.iter().map(SocketAddr::ip).any(is_inside);
        if inside && !self.began_inside.get_or_init(|| inside) {
            return Err(Error::Io(io::Error::new(io::ErrorKind::PermissionDenied, INSIDE)));
        }
        self.began_inside.get_or_init(|| inside);
        Ok(found)
    }
}

/// Whether a chain of addresses leads from outside to an address inside that it names by its number. Through a proxy nothing is
/// looked up here, so this is all that can be seen.
pub(super) fn leads_inside(history: &[Uri]) -> bool {
    let number = |uri: &Uri| uri.host().and_then(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().ok());
    let local = |uri: &Uri| uri.host().is_some_and(|host| host.eq_ignore_ascii_case("localhost")) || number(uri).is_some_and(is_inside);
    history.split_first().is_some_and(|(first, rest)| !local(first) && rest.iter().any(local))
}

/// An address of this machine, of its link, or of a private network (RFC 1122, 1918, 3927, 4193, 4291, 6598).
fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_inside_v4(address),
        IpAddr::V6(address) => is_inside_v6(address),
    }
}

fn is_inside_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    address.is_private() || address.is_loopback() || address.is_link_local() || a == 0 || a == 100 && (64..128).contains(&b) || a >= 224
}

fn is_inside_v6(address: Ipv6Addr) -> bool {
    // ::ffff:a.b.c.d, and the older ::a.b.c.d.
    if let Some(old) = address.to_ipv4() {
        return is_inside_v4(old);
    }
    // 64:ff9b::a.b.c.d leads to an old address through a gateway (RFC 6052).
    if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        return is_inside_v4(Ipv4Addr::new(a, b, c, d));
    }
    address.is_unique_local() || address.is_unicast_link_local() || address.is_multicast()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_is_told_by_the_number() {
        for inside in [
            "127.0.0.1",
            "127.8.8.8",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
            "::ffff:192.168.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
        ] {
            assert!(is_inside(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "192.169.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            assert!(!is_inside(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn a_chain_from_outside_may_not_lead_inside() {
        let chain = |all: &[&str]| leads_inside(&all.iter().map(|uri| uri.parse().unwrap()).collect::<Vec<Uri>>());
        assert!(chain(&["https://hub.test/a", "https://192.168.0.1/b"]));
        assert!(chain(&["https://hub.test/a", "https://cdn.test/b", "https://[::1]:8/c"]));
        assert!(chain(&["https://hub.test/a", "https://LOCALHOST/b"]));
        assert!(!chain(&["http://127.0.0.1:1/a", "http://127.0.0.1:2/b"]), "a hub of one's own may send on");
        assert!(!chain(&["https://hub.test/a", "https://cdn.test/b"]) && !chain(&[]));
    }

    #[test]
    fn a_name_that_turns_out_to_be_inside_is_refused_after_one_that_is_outside() {
        let timeout = || NextTimeout {
            after: std::time::Duration::from_secs(5).into(),
            reason: ureq::Timeout::Resolve,
            per_read: None,
            per_write: None,
        };
        let config = Config::default();
        let resolve = |resolver: &Outward, uri: &str| resolver.resolve(&uri.parse().unwrap(), &config, timeout()).map(drop);
        let from_outside = Outward::default();
        assert!(resolve(&from_outside, "https://1.1.1.1/").is_ok());
        let refused = resolve(&from_outside, "http://localhost:80/").unwrap_err();
        assert!(refused.to_string().contains(INSIDE), "{refused}");
        let from_inside = Outward::default();
        assert!(resolve(&from_inside, "http://localhost:80/").is_ok() && resolve(&from_inside, "http://127.0.0.1:81/").is_ok());
        assert!(resolve(&from_inside, "https://1.1.1.1/").is_ok());
    }
}
