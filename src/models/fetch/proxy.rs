//! Which proxy the environment wants, by the rules that curl made usual.

use std::net::IpAddr;
use ureq::http::Uri;
use ureq::{Proxy, ProxyProtocol};

/// These are this machine; no proxy could reach them.
const HERE: [&str; 4] = ["localhost", "127.0.0.1", "::1", "[::1]"];

/// The proxy for an address; `None`: none. The variables are `https_proxy` or `http_proxy` after the address's scheme,
/// then `all_proxy`; `no_proxy` names hosts, domains and networks (`10.0.0.0/8`) without one. Each is also understood in capitals.
///
/// # Errors
/// The cause in plain words, when a proxy is wanted that cannot be used. Going around it could tell somebody what the
/// proxy is there to hide.
pub fn choose(url: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Option<Proxy>, String> {
    let either = |name: &str| {
        let set = |name: &str| variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        set(name).or_else(|| set(&name.to_uppercase()))
    };
    let own = if url.starts_with("https://") { "https_proxy" } else { "http_proxy" };
    let Some(wanted) = either(own).or_else(|| either("all_proxy")) else { return Ok(None) };
    // The text may hold a password, so it is not repeated.
    let proxy = Proxy::new(&wanted).map_err(|_| "the proxy that the environment names is not understood".to_owned())?;
    let protocol = proxy.protocol();
    if !matches!(protocol, ProxyProtocol::Http | ProxyProtocol::Https) {
        return Err(format!("a {protocol} proxy is set, and only http proxies can be used"));
    }
    let mut builder = Proxy::builder(protocol).host(proxy.host()).port(proxy.port());
    if let Some(name) = proxy.username() {
        builder = builder.username(name);
    }
    if let Some(word) = proxy.password() {
        builder = builder.password(word);
    }
    // ureq looks at these for every host, so also after a redirect.
    let without = either("no_proxy").unwrap_or_default();
    let target = url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default();
    let number = in_brackets(&target).parse::<IpAddr>().ok();
    for host in HERE.into_iter().chain(without.split([',', ' ']).map(str::trim).filter(|host| !host.is_empty())) {
        // `example.org`, `.example.org` and `*.example.org` all mean the domain with all that is in it.
        // ureq does not know networks.
        if number.is_some_and(|number| is_in(number, host)) {
            builder = builder.no_proxy(&target);
        }
        let domain = host.trim_start_matches("*.").trim_start_matches('.');
        builder = builder.no_proxy(if domain.is_empty() { host } else { domain });
        if !domain.starts_with(['*', '[']) && domain.parse::<IpAddr>().is_err() {
            builder = builder.no_proxy(&format!(".{domain}"));
        }
    }
    builder.build().map(Some).map_err(|_| "the proxy that the environment names is not understood".to_owned())
}

/// An IPv6 address stands in brackets in addresses of the web.
fn in_brackets(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Whether an address lies in a network like `10.0.0.0/8`.
fn is_in(number: IpAddr, network: &str) -> bool {
    let Some((base, bits)) = network.split_once('/') else { return false };
    let (Ok(base), Ok(bits)) = (in_brackets(base).parse::<IpAddr>(), bits.parse::<u32>()) else { return false };
    // What is shifted out as a whole leaves nothing to differ.
    match (number, base) {
        (IpAddr::V4(number), IpAddr::V4(base)) if bits <= 32 => {
            (number.to_bits() ^ base.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(number), IpAddr::V6(base)) if bits <= 128 => {
            (number.to_bits() ^ base.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(url: &str, variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        let proxy = choose(url, &find)?;
        let uri = url.parse().unwrap();
        Ok(proxy.filter(|proxy| !proxy.is_no_proxy(&uri)).map(|proxy| format!("{}:{}", proxy.host(), proxy.port())))
    }

    #[test]
    fn the_scheme_chooses_the_variable() {
        let all = [("https_proxy", "http://s:1"), ("HTTP_PROXY", "plain:2"), ("ALL_PROXY", "http://a:3")];
        assert_eq!(chosen("https://hub.test/x", &all), Ok(Some("s:1".into())));
        assert_eq!(chosen("http://hub.test/x", &all), Ok(Some("plain:2".into())));
        assert_eq!(chosen("https://hub.test/x", &all[1..]), Ok(Some("a:3".into())));
        assert_eq!(chosen("https://hub.test/x", &[("HTTPS_PROXY", " ")]), Ok(None));
        assert_eq!(chosen("https://hub.test/x", &[]), Ok(None));
    }

    #[test]
    fn some_hosts_go_without() {
        let with = |no: &'static str| [("all_proxy", "http://p:8080"), ("no_proxy", no)];
        let via = Ok(Some("p:8080".to_owned()));
        for (no, url, direct) in [
            ("", "http://127.0.0.1:99/x", true),
            ("", "http://localhost/x", true),
            ("", "http://[::1]:99/x", true),
            ("test", "https://hub.test/x", true),
            ("a.org, .hub.test", "https://hub.test/x", true),
            ("a.org,*.hub.test", "https://cdn.hub.test/x", true),
            ("hub.test", "https://HUB.test/x", true),
            ("*", "https://hub.test/x", true),
            ("10.0.0.7", "http://10.0.0.7/x", true),
            ("a.org,10.0.0.0/8", "http://10.2.3.4:8080/x", true),
            ("10.0.0.0/8", "http://11.0.0.1/x", false),
            ("10.0.0.0/8", "https://hub.test/x", false),
            ("192.168.4.0/22", "http://192.168.7.9/x", true),
            ("192.168.4.0/22", "http://192.168.8.9/x", false),
            ("0.0.0.0/0", "http://8.8.8.8/x", true),
            ("10.0.0.0/33,10.0.0.0/x,/,x/8", "http://10.0.0.1/x", false),
            ("fd00::/8", "http://[fd12::1]/x", true),
            ("::/0", "http://[fd12::1]/x", true),
            ("fd00::/8", "http://[fe80::1]/x", false),
            ("ub.test", "https://hub.test/x", false),
            ("a.org", "https://hub.test/x", false),
            ("", "https://hub.test/x", false),
        ] {
            let expected = if direct { Ok(None) } else { via.clone() };
            assert_eq!(chosen(url, &with(no)), expected, "{no} {url}");
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_said_and_never_gone_around() {
        for strange in ["socks5://p:1080", "socks4://p", "teapot://p:1", "http://"] {
            let why = chosen("https://hub.test/x", &[("all_proxy", strange)]).unwrap_err();
            assert!(why.contains("proxy") && !why.contains("p:1080"), "{strange}: {why}");
        }
    }
}
