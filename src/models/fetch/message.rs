//! What parent and child say to each other: one JSON object a line, lines of a limited length.

use super::{FetchError, Fetched, Job, Progress};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, ErrorKind};

/// The one line that the child is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What to get.
    pub job: Job,
    /// See [`super::Options::stall`], milliseconds.
    pub stall_ms: u64,
    /// See [`super::Options::tries`].
    pub tries: u32,
}

/// A line of the child.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// It works; said every second, so that a parent can tell work from death.
    Alive,
    /// How far it is.
    Progress(Progress),
    /// All files are there. The last line.
    Finished(Vec<Fetched>),
    /// It was given up. The last line.
    Failed(FetchError),
}

/// A job with thousands of addresses is shorter than this.
pub const REQUEST_LIMIT: usize = 4 << 20;
/// The longest message names all files of a job.
pub const MESSAGE_LIMIT: usize = 1 << 20;

/// A line that was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// One with at most the allowed number of bytes, without its end.
    Whole(Vec<u8>),
    /// A longer one; it was skipped.
    TooLong,
    /// There are no more.
    End,
}

/// Reads a line and never keeps more than `limit` bytes of it. What stands after the last line end is a line too.
///
/// # Errors
/// Those of the reader.
pub fn read_line(from: &mut dyn BufRead, limit: usize) -> io::Result<Line> {
    let mut line = Vec::new();
    let (mut any, mut too_long) = (false, false);
    loop {
        let bytes = match from.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if bytes.is_empty() {
            return Ok(if !any {
                Line::End
            } else if too_long {
                Line::TooLong
            } else {
                Line::Whole(line)
            });
        }
        any = true;
        let end = bytes.iter().position(|&b| b == b'\n');
        let part = &bytes[..end.unwrap_or(bytes.len())];
        too_long |= line.len() + part.len() > limit;
        if too_long {
            line = Vec::new();
        } else {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        from.consume(used);
        if end.is_some() {
            return Ok(if too_long { Line::TooLong } else { Line::Whole(line) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn lines(text: &[u8], limit: usize) -> Vec<Line> {
        // A small buffer, so that lines come in pieces.
        let mut reader = BufReader::with_capacity(3, text);
        std::iter::from_fn(|| Some(read_line(&mut reader, limit).unwrap()).filter(|line| *line != Line::End)).collect()
    }

    #[test]
    fn lines_come_whole_and_too_long_ones_are_skipped() {
        let whole = |text: &[u8]| Line::Whole(text.to_vec());
        assert_eq!(lines(b"one\n\ntwo", 5), [whole(b"one"), whole(b""), whole(b"two")]);
        assert_eq!(lines(b"12345\n123456\n1\n1234567", 5), [whole(b"12345"), Line::TooLong, whole(b"1"), Line::TooLong]);
        assert_eq!(lines(b"", 5), []);
    }

    #[test]
    fn what_is_said_is_understood() {
        for message in [
            Message::Alive,
            Message::Progress(Progress::Bytes { name: "a".into(), done: 1, total: None, per_second: 1.5, seconds_left: None }),
            Message::Finished(vec![Fetched { name: "a".into(), bytes: 1, sha256: "00".into(), as_expected: Some(true) }]),
            Message::Failed(FetchError::DiskFull { name: "a".into() }),
        ] {
            let line = serde_json::to_string(&message).unwrap();
            assert!(!line.contains('\n'), "{line}");
            assert_eq!(serde_json::from_str::<Message>(&line).unwrap(), message);
        }
    }
}
