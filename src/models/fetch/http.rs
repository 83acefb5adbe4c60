//! One request, one answer. The only place that names the HTTP library; what it says is sorted here.

use super::FetchError;
use super::inside::{INSIDE, Outward, leads_inside};
use super::proxy;
use super::resume::{Head, Resume, content_range};
use std::io::{self, ErrorKind, Read};
use std::time::Duration;
use ureq::http::{HeaderMap, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Error, ResponseExt, Timeout};

/// A hub sends to a warehouse, that one to a near copy; more hops are a mistake.
const REDIRECTS: u32 = 5;
/// A file of certificates is smaller than this.
const CERTIFICATES_LIMIT: u64 = 8 << 20;
/// No server that answers at all takes longer to be found, or to be connected with: the time is shared out over all of its
/// addresses, of which some may lead nowhere. Without a network each try waits for it.
const LONGEST_CONNECT: Duration = Duration::from_secs(15);
/// What a server asks to wait is obeyed up to here.
const RETRY_AFTER_LIMIT: Duration = Duration::from_secs(30);

/// What one try came to that brought no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// This address will not work today; another may.
    Address(FetchError),
    /// It may work in a moment.
    Moment(FetchError, Option<Duration>),
    /// No address will help.
    End(FetchError),
    /// Nobody wants it any more.
    Cancelled,
}

/// An answer: what was said, and the bytes.
pub struct Answer {
    /// What was said.
    pub head: Head,
    /// The server that answered at last.
    pub host: String,
    /// The bytes.
    pub body: Box<dyn Read>,
}

/// Asks for a file, or for its rest.
///
/// # Errors
/// [`Trouble`], when there is no answer.
pub fn get(url: &str, resume: Option<&Resume>, stall: Duration) -> Result<Answer, Trouble> {
    let host = host_of(url);
    let unreachable = |why: String| FetchError::Unreachable { host: host.clone(), why };
    let variable = |name: &str| std::env::var(name).ok();
    let proxy = proxy::choose(url, &variable).map_err(|why| Trouble::End(unreachable(why)))?;
    // What the proxy is not asked for is not its fault either.
    let through_proxy = proxy.as_ref().is_some_and(|proxy| url.parse().is_ok_and(|uri| !proxy.is_no_proxy(&uri)));
    let certificates = certificates(&variable).map_err(|why| Trouble::End(unreachable(why)))?;
    let has_proxy = proxy.is_some();
    let config = Agent::config_builder()
        .https_only(url.starts_with("https://"))
        .http_status_as_error(false)
        .proxy(proxy)
        .tls_config(TlsConfig::builder().root_certs(certificates).build())
        .max_redirects(REDIRECTS)
        .save_redirect_history(true)
        .user_agent(concat!("hark/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        .timeout_resolve(Some(connect_within(stall)))
        .timeout_connect(Some(connect_within(stall)))
        .timeout_send_request(Some(stall))
        .timeout_recv_response(Some(stall))
        .timeout_per_read(Some(stall))
        .build();
    // The address of a proxy is one's own affair.
    let agent =
        if has_proxy { Agent::new_with_config(config) } else { Agent::with_parts(config, DefaultConnector::default(), Outward::default()) };
    let mut request = agent.get(url);
    if let Some(resume) = resume {
        request = request.header("Range", format!("bytes={}-", resume.from)).header("If-Range", &resume.validator);
    }
    let response = request.call().map_err(|error| sort(&error, &host, stall, through_proxy))?;
    let last = response.get_uri().host().unwrap_or(&host).to_owned();
    // A chain that begins without encryption may gain it, but not lose it again.
    if response.get_redirect_history().is_some_and(loses_encryption) {
        return Err(Trouble::Address(unreachable(NO_ENCRYPTION.to_owned())));
    }
    if response.get_redirect_history().is_some_and(leads_inside) {
        return Err(Trouble::Address(unreachable(INSIDE.to_owned())));
    }
    let (parts, body) = response.into_parts();
    Ok(Answer { head: head(parts.status.as_u16(), &parts.headers), host: last, body: Box::new(body.into_reader()) })
}

fn connect_within(stall: Duration) -> Duration {
    stall.min(LONGEST_CONNECT)
}

const NO_ENCRYPTION: &str = "it sends on to an address without encryption";

fn loses_encryption(history: &[Uri]) -> bool {
    let encrypted = |uri: &Uri| uri.scheme_str() == Some("https");
    history.windows(2).any(|pair| matches!(pair, [from, to] if encrypted(from) && !encrypted(to)))
}

/// The server of an address, for people: no user, no path.
pub fn host_of(url: &str) -> String {
    let parsed = url.parse::<Uri>().ok();
    parsed.as_ref().and_then(|uri| uri.host()).unwrap_or("the server").to_owned()
}

/// Companies that look into their traffic, and mirrors of one's own, have certificates of their own; `SSL_CERT_FILE` is
/// how other programs are told. Otherwise those of Mozilla, which are built in.
fn certificates(variable: &dyn Fn(&str) -> Option<String>) -> Result<RootCerts, String> {
    let Some(path) = variable("SSL_CERT_FILE").filter(|path| !path.is_empty()) else { return Ok(RootCerts::WebPki) };
    let broken = |_| format!("the certificates in {path} (SSL_CERT_FILE) cannot be read");
    let mut pem = Vec::new();
    crate::platform::files::open(path.as_ref()).and_then(|file| file.take(CERTIFICATES_LIMIT).read_to_end(&mut pem)).map_err(broken)?;
    let certificates: Vec<_> =
        parse_pem(&pem).filter_map(|item| if let Ok(PemItem::Certificate(one)) = item { Some(one) } else { None }).collect();
    if certificates.is_empty() {
        return Err(format!("no certificates are in {path} (SSL_CERT_FILE)"));
    }
    Ok(RootCerts::from(certificates))
}

fn head(status: u16, headers: &HeaderMap) -> Head {
    // Values are short; a longer one is nonsense and is not written to the disk.
    let text = |name: &str| headers.get(name)?.to_str().ok().map(|text| text.trim().to_owned()).filter(|text| text.len() <= 512);
    let kind = text("content-type").map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    Head {
        status,
        length: text("content-length").and_then(|text| text.parse().ok()),
        range: text("content-range").as_deref().and_then(content_range),
        etag: text("etag").filter(|tag| !tag.is_empty()),
        last_modified: text("last-modified").filter(|date| !date.is_empty()),
        encoding: text("content-encoding").filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity")),
        kind,
        retry_after: text("retry-after")
            .and_then(|text| text.parse().ok())
            .map(Duration::from_secs)
            .map(|wait| wait.min(RETRY_AFTER_LIMIT)),
    }
}

/// What a fault of the library means.
fn sort(error: &Error, host: &str, stall: Duration, through_proxy: bool) -> Trouble {
    let unreachable = |why: &str| FetchError::Unreachable { host: host.to_owned(), why: why.to_owned() };
    let moment = |why: &str| Trouble::Moment(unreachable(why), None);
    let address = |why: &str| Trouble::Address(unreachable(why));
    match error {
        Error::HostNotFound if through_proxy => moment("the proxy's name was not found"),
        Error::HostNotFound => moment("its name was not found"),
        Error::Timeout(Timeout::Resolve) => moment("its name was not found in time"),
        Error::Timeout(Timeout::Connect) => moment("it does not answer"),
        Error::Timeout(_) => Trouble::Moment(FetchError::Stalled { host: host.to_owned(), seconds: seconds(stall) }, None),
        Error::ConnectProxyFailed(_) => moment("the proxy does not let it through"),
        Error::TooManyRedirects => address("it sends from one address to the next without end"),
        Error::RequireHttpsOnly(_) => address(NO_ENCRYPTION),
        Error::RedirectFailed => address("it sends on to an address that is not understood"),
        Error::BadUri(_) | Error::Http(_) => address("its address is not understood"),
        Error::Tls(_) | Error::Rustls(_) | Error::Pem(_) | Error::TlsRequired => address(CERTIFICATE),
        Error::Io(error) if error.kind() == ErrorKind::PermissionDenied => address(INSIDE),
        Error::Io(error) => moment(&io_words(error, through_proxy)),
        _ => moment("it does not answer as a web server does"),
    }
}

const CERTIFICATE: &str = "the encryption with it failed (a wrong clock, or somebody in between)";

fn io_words(error: &io::Error, through_proxy: bool) -> String {
    // rustls hides in an io::Error when the handshake fails.
    if error.kind() == ErrorKind::InvalidData {
        return CERTIFICATE.to_owned();
    }
    let who = if through_proxy { "the proxy" } else { "it" };
    match error.kind() {
        ErrorKind::ConnectionRefused => format!("{who} refuses connections"),
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable | ErrorKind::NetworkDown | ErrorKind::AddrNotAvailable => {
            "there is no way to it".to_owned()
        }
        ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::WriteZero => "the connection was cut".to_owned(),
        _ if is_of_the_resolver(error) => format!("{} name was not found", if through_proxy { "the proxy's" } else { "its" }),
        _ => "the connection was cut".to_owned(),
    }
}

/// The standard library has no kind for names that are not found: on Unix such an error carries no number of the system,
/// while all faults of sockets do; on Windows it carries one of these.
fn is_of_the_resolver(error: &io::Error) -> bool {
    const WSA_HOST_NOT_FOUND: i32 = 11001;
    const WSA_NO_DATA: i32 = 11004;
    match error.raw_os_error() {
        None => true,
        Some(number) => cfg!(windows) && (WSA_HOST_NOT_FOUND..=WSA_NO_DATA).contains(&number),
    }
}

/// What a fault in the middle of the bytes means.
pub fn sort_read(error: &io::Error, host: &str, stall: Duration) -> Trouble {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::Timeout(_)) => Trouble::Moment(FetchError::Stalled { host: host.to_owned(), seconds: seconds(stall) }, None),
        _ if error.kind() == ErrorKind::TimedOut => {
            Trouble::Moment(FetchError::Stalled { host: host.to_owned(), seconds: seconds(stall) }, None)
        }
        _ => Trouble::Moment(cut(host), None),
    }
}

/// The bytes ended too early.
pub fn cut(host: &str) -> FetchError {
    FetchError::Unreachable { host: host.to_owned(), why: "the connection was cut".to_owned() }
}

fn seconds(stall: Duration) -> u64 {
    stall.as_secs().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_with_limits() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-length", "12"),
            ("content-range", "bytes 3-14/15"),
            ("etag", "\"x\""),
            ("content-encoding", "Identity"),
            ("content-type", "Text/HTML; charset=utf-8"),
            ("retry-after", "99999"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        headers.insert("last-modified", "x".repeat(600).parse().unwrap());
        let head = head(206, &headers);
        assert_eq!((head.length, head.range, head.etag.as_deref()), (Some(12), Some((Some(3), Some(15))), Some("\"x\"")));
        assert_eq!((head.encoding, head.kind.as_deref(), head.last_modified), (None, Some("text/html"), None));
        assert_eq!(head.retry_after, Some(RETRY_AFTER_LIMIT));
    }

    #[test]
    fn a_server_that_is_not_there_is_not_waited_for_as_long_as_a_silent_one() {
        assert_eq!(connect_within(Duration::from_secs(30)), Duration::from_secs(15));
        assert_eq!(connect_within(Duration::from_secs(2)), Duration::from_secs(2));
    }

    #[test]
    fn a_chain_may_gain_encryption_but_not_lose_it() {
        let chain = |urls: &[&str]| loses_encryption(&urls.iter().map(|url| url.parse().unwrap()).collect::<Vec<Uri>>());
        assert!(!chain(&["http://a/", "https://b/", "https://c/"]));
        assert!(chain(&["http://a/", "https://b/", "http://c/"]));
        assert!(!chain(&[]));
    }

    #[test]
    fn an_address_is_named_by_its_server_only() {
        assert_eq!(host_of("https://me:secret@hub.test:99/a?b=c"), "hub.test");
        assert_eq!(host_of("nonsense nonsense"), "the server");
    }

    #[test]
    fn certificates_of_ones_own_are_read_or_complained_about() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("roots.pem");
        let path = file.display().to_string();
        let variable = |name: &str| (name == "SSL_CERT_FILE").then(|| path.clone());
        assert!(certificates(&variable).unwrap_err().contains("roots.pem"));
        std::fs::write(&file, "no certificate").unwrap();
        assert!(certificates(&variable).unwrap_err().contains("roots.pem"));
        assert!(matches!(certificates(&|_| None), Ok(RootCerts::WebPki)));
    }
}
