//! How one request is answered.

use super::{Fault, Served};
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Pieces in which bodies go out: small enough that a cut falls anywhere.
const PIECE: usize = 16 << 10;

pub struct Answer<'a> {
    pub stream: TcpStream,
    pub headers: &'a HashMap<String, String>,
    pub count: &'a dyn Fn(usize),
}

impl Answer<'_> {
    pub fn give(mut self, served: Option<&Served>, fault: &Fault) -> io::Result<()> {
        match fault {
            Fault::Silent => return self.hold(),
            Fault::Close => return Ok(()),
            Fault::Status(status) => return self.head(*status, &["Content-Length: 0".into()]),
            Fault::RetryAfter(status, seconds) => {
                return self.head(*status, &["Content-Length: 0".into(), format!("Retry-After: {seconds}")]);
            }
            Fault::Redirect(to) => return self.head(302, &["Content-Length: 0".into(), format!("Location: {to}")]),
            Fault::Garbage => return self.stream.write_all(b"\x16\x03\x01 220 I am no web server\r\n\r\n\0\0\0"),
            Fault::Unsatisfiable(size) => {
                let size = size.map_or_else(|| "x".to_owned(), |size| size.to_string());
                return self.head(416, &["Content-Length: 0".into(), format!("Content-Range: bytes */{size}")]);
            }
            Fault::LoginPage => {
                let page = b"<html>Welcome to the hotel. Please log in.</html>";
                self.head(200, &["Content-Type: text/html; charset=utf-8".into(), format!("Content-Length: {}", page.len())])?;
                return self.stream.write_all(page);
            }
            Fault::EndlessHeaders => {
                self.stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
                loop {
                    self.stream.write_all(b"X-More: and more and more and more and more and more and more and more\r\n")?;
                }
            }
            _ => {}
        }
        let Some(served) = served else { return self.head(404, &["Content-Length: 0".into()]) };
        let mut body = served.body.as_ref().clone();
        if *fault == Fault::Damaged {
            let middle = body.len() / 2;
            body[middle] ^= 1;
        }
        let mut lines = Vec::new();
        lines.extend(served.etag.as_ref().map(|tag| format!("ETag: {tag}")));
        lines.extend(served.date.as_ref().map(|date| format!("Last-Modified: {date}")));
        match fault {
            Fault::Gzip => {
                lines.extend(["Content-Encoding: gzip".into(), format!("Content-Length: {}", body.len())]);
                self.head(200, &lines)?;
                return self.body(&body, body.len(), None);
            }
            Fault::Announce(size) => {
                lines.push(format!("Content-Length: {size}"));
                self.head(200, &lines)?;
                return self.body(&body, body.len(), None);
            }
            Fault::UntilClose(more) => {
                lines.push("Connection: close".into());
                self.head(200, &lines)?;
                body.resize(body.len() + more, b'+');
                return self.body(&body, body.len(), None);
            }
            Fault::Chunked(more) => {
                body.resize(body.len() + more, b'+');
                return self.chunked(&lines, &body, body.len());
            }
            Fault::ChunkedCutAt(cut) => return self.chunked(&lines, &body, *cut),
            _ => {}
        }
        let total = body.len();
        let from = self.wanted_from(served).filter(|_| *fault != Fault::IgnoreRange);
        let rest = match from {
            Some(from) if from >= total => {
                return self.head(416, &["Content-Length: 0".into(), format!("Content-Range: bytes */{total}")]);
            }
            Some(from) => {
                let from = if *fault == Fault::ShiftedRange { from - 1 } else { from };
                lines.extend([format!("Content-Range: bytes {from}-{}/{total}", total - 1), format!("Content-Length: {}", total - from)]);
                self.head(206, &lines)?;
                &body[from..]
            }
            None => {
                lines.push(format!("Content-Length: {total}"));
                self.head(200, &lines)?;
                &body[..]
            }
        };
        match fault {
            Fault::CutAt(cut) => self.body(rest, *cut, None),
            Fault::HoldAt(at) => {
                self.body(rest, *at, None)?;
                self.hold()
            }
            Fault::Drip(piece, pause) => self.body(rest, rest.len(), Some((*piece, *pause))),
            _ => self.body(rest, rest.len(), None),
        }
    }

    /// The first byte that is asked for, when the validator is still right.
    fn wanted_from(&self, served: &Served) -> Option<usize> {
        let from = self.headers.get("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()?;
        let same = match self.headers.get("if-range") {
            Some(validator) => Some(validator) == served.etag.as_ref() || Some(validator) == served.date.as_ref(),
            None => true,
        };
        same.then_some(from)
    }

    fn head(&mut self, status: u16, lines: &[String]) -> io::Result<()> {
        let mut text = format!("HTTP/1.1 {status} As The Script Says\r\nAccept-Ranges: bytes\r\n");
        for line in lines {
            text.push_str(line);
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        self.stream.write_all(text.as_bytes())
    }

    fn body(&mut self, bytes: &[u8], until: usize, drip: Option<(usize, Duration)>) -> io::Result<()> {
        let (piece, pause) = drip.unwrap_or((PIECE, Duration::ZERO));
        for piece in bytes[..until.min(bytes.len())].chunks(piece) {
            self.stream.write_all(piece)?;
            (self.count)(piece.len());
            if !pause.is_zero() {
                std::thread::sleep(pause);
            }
        }
        self.stream.flush()
    }

    fn chunked(&mut self, lines: &[String], bytes: &[u8], until: usize) -> io::Result<()> {
        let mut lines = lines.to_vec();
        lines.push("Transfer-Encoding: chunked".into());
        self.head(200, &lines)?;
        for piece in bytes[..until.min(bytes.len())].chunks(PIECE) {
            write!(self.stream, "{:x}\r\n", piece.len())?;
            self.stream.write_all(piece)?;
            self.stream.write_all(b"\r\n")?;
            (self.count)(piece.len());
        }
        if until >= bytes.len() { self.stream.write_all(b"0\r\n\r\n") } else { Ok(()) }
    }

    /// Silent until the other side goes.
    fn hold(&mut self) -> io::Result<()> {
        self.stream.flush()?;
        let mut rest = [0; 64];
        while self.stream.read(&mut rest)? > 0 {}
        Ok(())
    }
}
