//! What an answer of a server means for the part that is there: the decisions, without any input or output.

use std::time::Duration;

/// What a server said before its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// HTTP status.
    pub status: u16,
    /// `Content-Length`.
    pub length: Option<u64>,
    /// `Content-Range`: the first byte (`None` with 416) and the size of the whole file.
    pub range: Option<(Option<u64>, Option<u64>)>,
    /// `ETag`, as it stands there.
    pub etag: Option<String>,
    /// `Last-Modified`, as it stands there.
    pub last_modified: Option<String>,
    /// `Content-Encoding`, when it is not `identity`.
    pub encoding: Option<String>,
    /// `Content-Type`, lower case, without parameters.
    pub kind: Option<String>,
    /// `Retry-After` in seconds.
    pub retry_after: Option<Duration>,
}

/// A part that can be gone on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    /// So many bytes are there.
    pub from: u64,
    /// Value for `If-Range`.
    pub validator: String,
    /// The strong `ETag` with which they came.
    pub etag: Option<String>,
    /// The `Last-Modified` with which they came.
    pub last_modified: Option<String>,
    /// The size that was said then.
    pub total: Option<u64>,
}

/// What is wrong with an answer that is a page for a browser.
pub const WEB_PAGE: &str = "it is a web page";

/// What to do with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Its bytes are the file from its beginning.
    Anew {
        /// Its size.
        total: Option<u64>,
    },
    /// Its bytes go on where the part ends.
    Append {
        /// The size of the whole file.
        total: u64,
    },
    /// The part is the whole file.
    Whole,
    /// The part does not fit to what the server has: ask for the whole file.
    Again,
    /// No such file here.
    NotThere,
    /// Not now, but maybe in a moment.
    Later,
    /// No.
    No,
    /// It is something else than the file.
    Wrong(String),
}

/// What the answer means. `required`: the size that the file must have.
pub fn decide(head: &Head, resume: Option<&Resume>, required: Option<u64>) -> Next {
    let next = match (head.status, resume) {
        (200, _) => Next::Anew { total: head.length },
        (206, Some(resume)) => match head.range {
            Some((Some(from), total)) if from == resume.from && same_file(head, resume, total) => {
                match total.or_else(|| head.length.and_then(|length| from.checked_add(length))) {
                    Some(total) => Next::Append { total },
                    None => Next::Again,
                }
            }
            _ => Next::Again,
        },
        (416, Some(resume)) => match head.range {
            Some((_, Some(total))) if total == resume.from => Next::Whole,
            _ => Next::Again,
        },
        (404 | 410, _) => Next::NotThere,
        // Too many requests, too slow, "in a moment", and all that is the server's own fault.
        (408 | 425 | 429 | 500..600, _) => Next::Later,
        _ => Next::No,
    };
    let total = match next {
        Next::Anew { total } => total,
        Next::Append { total } => Some(total),
        _ => return next,
    };
    if let Some(encoding) = &head.encoding {
        return Next::Wrong(format!("it is packed as {}", encoding.escape_debug()));
    }
    // Login pages of hotels and "blocked" pages of companies come with status 200. No model is a page.
    if head.kind.as_deref() == Some("text/html") {
        return Next::Wrong(WEB_PAGE.to_owned());
    }
    match (total, required) {
        (Some(total), Some(required)) if total != required => Next::Wrong(format!("it has {total} bytes, not {required}")),
        _ => next,
    }
}

/// A 206 must say the validator again; one that differs is another file, whatever was promised.
fn same_file(head: &Head, resume: &Resume, total: Option<u64>) -> bool {
    fn differ<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
        matches!((a, b), (Some(a), Some(b)) if a != b)
    }
    !differ(head.etag.as_ref(), resume.etag.as_ref())
        && !differ(head.last_modified.as_ref(), resume.last_modified.as_ref())
        && !differ(total.as_ref(), resume.total.as_ref())
        && total.is_none_or(|total| total >= resume.from)
}

/// Reads `bytes 100-199/200`, `bytes 100-199/*` and `bytes */200`.
pub fn content_range(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
    let total = match total.trim() {
        "*" => None,
        number => Some(number.parse().ok()?),
    };
    if range.trim() == "*" {
        return Some((None, total));
    }
    let (from, to) = range.split_once('-')?;
    let (from, to) = (from.trim().parse::<u64>().ok()?, to.trim().parse::<u64>().ok()?);
    (from <= to && total.is_none_or(|total| to < total)).then_some((Some(from), total))
}

#[cfg(test)]
#[path = "resume_tests.rs"]
mod tests;
