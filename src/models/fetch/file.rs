//! One file: which address, from where on, how often, and when it is the right one.

use super::http::{self, Answer, Trouble};
use super::part::{Part, cannot_write, hash_file, hex};
use super::resume::{Next, decide};
use super::space::free_bytes;
use super::speed::{Pace, seconds_left};
use super::{FetchError, Fetched, JobFile, Progress};
use crate::clock;
use crate::turn::Outcome;
use sha2::Digest;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

/// A try that brought this much was a good one; only poor ones in a row are counted.
const GOOD_TRY_BYTES: u64 = 1 << 20;
/// Poor tries of a run in which no address ever answered: most likely there is no network, and patience brings none.
const TRIES_UNANSWERED: u32 = 3;
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How often a wait looks whether it is still wanted.
const NAP: Duration = Duration::from_millis(20);
/// A file whose size is only hearsay may be so much larger before it is taken for something endless.
const HEARSAY_SLACK: u64 = 64 << 20;

/// What a file is fetched with.
pub struct Surroundings<'a> {
    /// Where it is written.
    pub folder: &'a Path,
    /// No byte for so long: next try.
    pub stall: Duration,
    /// Poor tries in a row for each address.
    pub tries: u32,
    /// Whether nobody wants it any more.
    pub cancelled: &'a dyn Fn() -> bool,
}

/// Gets one file.
///
/// # Errors
/// [`FetchError`], after all addresses were tried.
pub fn fetch_file(file: &JobFile, with: &Surroundings, say: &mut dyn FnMut(Progress)) -> Result<Outcome<Fetched>, FetchError> {
    match already_there(file, with, say)? {
        Outcome::Done(None) => {}
        Outcome::Done(Some(fetched)) => {
            Part::forget(with.folder, &file.name);
            return Ok(Outcome::Done(fetched));
        }
        Outcome::Cancelled => return Ok(Outcome::Cancelled),
    }
    let Some(part) = open_part(file, with, say)? else { return Ok(Outcome::Cancelled) };
    let mut work = Work { file, with, say, part, resumed: false, renewed: false, answered: false };
    work.run()
}

/// A file under its final name was verified when it got there. It is read again, since its hash must be told; one that is
/// certainly wrong is fetched again.
fn already_there(file: &JobFile, with: &Surroundings, say: &mut dyn FnMut(Progress)) -> Result<Outcome<Option<Fetched>>, FetchError> {
    let path = with.folder.join(&file.name);
    match fs::metadata(&path) {
        Ok(data) if data.is_dir() => return Err(cannot_write(&path, &ErrorKind::IsADirectory.into())),
        Ok(data) if file.required_bytes().is_some_and(|bytes| bytes != data.len()) => return Ok(Outcome::Done(None)),
        Ok(_) => {}
        // A link to nowhere is replaced by the rename.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Outcome::Done(None)),
        Err(error) => return Err(cannot_write(&path, &error)),
    }
    say(Progress::Verifying { name: file.name.clone() });
    let Some((hasher, bytes)) = hash_file(&path, &mut |_| !(with.cancelled)()).map_err(|e| cannot_write(&path, &e))? else {
        return Ok(Outcome::Cancelled);
    };
    let sha256 = hex(&hasher.finalize());
    let as_expected = file.as_expected(&sha256);
    if file.strict && as_expected == Some(false) {
        return Ok(Outcome::Done(None));
    }
    Ok(Outcome::Done(Some(done(file, bytes, sha256, say))))
}

fn done(file: &JobFile, bytes: u64, sha256: String, say: &mut dyn FnMut(Progress)) -> Fetched {
    let (name, as_expected) = (file.name.clone(), file.as_expected(&sha256));
    say(Progress::Done { name: name.clone(), bytes, sha256: sha256.clone(), as_expected });
    Fetched { name, bytes, sha256, as_expected }
}

fn open_part(file: &JobFile, with: &Surroundings, say: &mut dyn FnMut(Progress)) -> Result<Option<Part>, FetchError> {
    let mut first = true;
    Part::open(with.folder, &file.name, &mut |_| {
        if std::mem::take(&mut first) {
            say(Progress::Verifying { name: file.name.clone() });
        }
        !(with.cancelled)()
    })
}

struct Work<'a> {
    file: &'a JobFile,
    with: &'a Surroundings<'a>,
    say: &'a mut dyn FnMut(Progress),
    part: Part,
    /// Some bytes of the part are older than the last answer.
    resumed: bool,
    /// A part that fitted in size and not in its hash was thrown away, which is done once.
    renewed: bool,
    /// A server said something in this run.
    answered: bool,
}

impl Work<'_> {
    fn run(&mut self) -> Result<Outcome<Fetched>, FetchError> {
        let mut urls: Vec<&str> = self.file.urls.iter().map(String::as_str).collect();
        // Where it came from first: going on is faster than anything else.
        urls.sort_by_key(|url| !self.part.is_from(url));
        let (mut at, mut poor, mut first_dead) = (0, 0_u32, None);
        let mut best = self.part.len();
        self.resumed = best > 0;
        if self.is_whole() {
            match self.verify(None) {
                Ok(Some(fetched)) => return Ok(Outcome::Done(fetched)),
                Ok(None) => {}
                Err(Trouble::Cancelled) => return Ok(Outcome::Cancelled),
                Err(Trouble::Address(error) | Trouble::Moment(error, _) | Trouble::End(error)) => return Err(error),
            }
        }
        while let Some(url) = urls.get(at).copied() {
            let before = self.part.len();
            let trouble = match self.attempt(url) {
                Ok(fetched) => return Ok(Outcome::Done(fetched)),
                Err(trouble) => trouble,
            };
            let brought = self.part.len() > before;
            match trouble {
                Trouble::Cancelled => return Ok(Outcome::Cancelled),
                Trouble::End(error) => return Err(error),
                Trouble::Address(error) => {
                    urls.remove(at);
                    at = if at < urls.len() { at } else { 0 };
                    if !urls.is_empty() {
                        self.retrying(&error, poor);
                    }
                    first_dead.get_or_insert(error);
                }
                Trouble::Moment(error, wait) => {
                    // Only what was never reached before is news: a server that always begins anew could go on for ever.
                    let good = self.part.len() >= best.saturating_add(GOOD_TRY_BYTES);
                    best = best.max(self.part.len());
                    poor = if good { 1 } else { poor + 1 };
                    let rounds = poor / u32::try_from(urls.len()).unwrap_or(u32::MAX).max(1);
                    let hopeless = !self.answered && matches!(error, FetchError::Unreachable { .. });
                    if rounds >= if hopeless { self.with.tries.min(TRIES_UNANSWERED) } else { self.with.tries } {
                        return Err(error);
                    }
                    self.retrying(&error, poor);
                    // Another address is tried at once, the same one after a while.
                    if !brought && urls.len() > 1 {
                        at = (at + 1) % urls.len();
                    }
                    if brought || at == 0 {
                        let pause = wait.unwrap_or(Duration::ZERO).max(self.pause(rounds.max(1)));
                        if !self.sleep(pause) {
                            return Ok(Outcome::Cancelled);
                        }
                    }
                }
            }
        }
        Err(first_dead.unwrap_or_else(|| FetchError::BadJob { why: "no address is given".to_owned() }))
    }

    /// One try at one address.
    fn attempt(&mut self, url: &str) -> Result<Fetched, Trouble> {
        let mut resume = self.part.resume(url);
        let (answer, total) = loop {
            if (self.with.cancelled)() {
                return Err(Trouble::Cancelled);
            }
            let answer = http::get(url, resume.as_ref(), self.with.stall)?;
            self.answered = true;
            let (name, host) = (self.file.name.clone(), answer.host.clone());
            match decide(&answer.head, resume.as_ref(), self.file.required_bytes()) {
                Next::Append { total } => {
                    self.resumed = true;
                    break (answer, Some(total));
                }
                Next::Anew { total } => {
                    self.resumed = false;
                    self.part.start(url, &answer.head, total)?;
                    break (answer, total);
                }
                Next::Whole => {
                    if let Some(fetched) = self.verify(Some(&host))? {
                        return Ok(fetched);
                    }
                    resume = None;
                }
                Next::Again => {
                    self.part.discard()?;
                    // The second answer is to a question without a part, and `Again` is only said to one with.
                    resume = None;
                }
                Next::NotThere => return Err(Trouble::Address(FetchError::NotFound { name, host })),
                Next::Later => {
                    let (status, wait) = (answer.head.status, answer.head.retry_after);
                    return Err(Trouble::Moment(FetchError::Refused { name, host, status }, wait));
                }
                Next::No => return Err(Trouble::Address(FetchError::Refused { name, host, status: answer.head.status })),
                Next::Wrong(why) => return Err(Trouble::Address(FetchError::WrongContent { name, host, why })),
            }
        };
        self.check_room(total)?;
        let host = answer.host.clone();
        self.pour(answer, total)?;
        match self.verify(Some(&host))? {
            Some(fetched) => Ok(fetched),
            // Old and new bytes did not fit together, whatever the server said; now all of them are fetched.
            None => self.attempt(url),
        }
    }

    /// Refuses before the first byte what cannot end well.
    fn check_room(&self, total: Option<u64>) -> Result<(), Trouble> {
        let Some(total) = total.or(self.file.bytes) else { return Ok(()) };
        let needs_bytes = total.saturating_sub(self.part.len());
        match free_bytes(self.with.folder) {
            Some(free_bytes) if free_bytes < needs_bytes => {
                Err(Trouble::End(FetchError::NoRoom { name: self.file.name.clone(), needs_bytes, free_bytes }))
            }
            _ => Ok(()),
        }
    }

    /// From the line to the disk.
    fn pour(&mut self, mut answer: Answer, total: Option<u64>) -> Result<(), Trouble> {
        let shown = total.or(self.file.bytes);
        let hearsay = || self.file.bytes.map(|bytes| bytes.saturating_mul(2).saturating_add(HEARSAY_SLACK));
        let limit = total.or(self.file.required_bytes()).or_else(hearsay).unwrap_or(u64::MAX);
        let name = self.file.name.clone();
        (self.say)(Progress::Started { name: name.clone(), total: shown, resumed_at: self.part.len() });
        let mut pace = Pace::new(clock::now(), self.part.len());
        let mut buffer = vec![0; 128 << 10];
        loop {
            if (self.with.cancelled)() {
                return Err(Trouble::Cancelled);
            }
            let count = match answer.body.read(&mut buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(http::sort_read(&error, &answer.host, self.with.stall)),
            };
            if count == 0 {
                break;
            }
            if self.part.len().saturating_add(count as u64) > limit {
                self.part.discard()?;
                let why = format!("it has more than {limit} bytes");
                return Err(Trouble::Address(FetchError::WrongContent { name, host: answer.host, why }));
            }
            self.part.append(buffer.get(..count).unwrap_or_default())?;
            let done = self.part.len();
            if let Some(per_second) = pace.tick(clock::now(), done) {
                let seconds_left = seconds_left(done, shown, per_second);
                (self.say)(Progress::Bytes { name: name.clone(), done, total: shown, per_second, seconds_left });
            }
        }
        let (done, per_second) = (self.part.len(), pace.per_second());
        if total.or(self.file.required_bytes()).is_some_and(|total| done < total) {
            return Err(Trouble::Moment(http::cut(&answer.host), None));
        }
        (self.say)(Progress::Bytes { name, done, total: Some(done), per_second, seconds_left: Some(0.0) });
        Ok(())
    }

    fn retrying(&mut self, error: &FetchError, attempt: u32) {
        (self.say)(Progress::Retrying { name: self.file.name.clone(), why: error.to_string(), attempt });
    }

    /// How long to wait after so many rounds that brought nothing: each time twice as long.
    fn pause(&self, rounds: u32) -> Duration {
        let doubled = 1_u32.checked_shl(rounds.saturating_sub(1).min(16)).unwrap_or(1);
        (self.with.stall / 40).saturating_mul(doubled).min(LONGEST_WAIT)
    }

    /// Waits; false: cancelled.
    fn sleep(&self, pause: Duration) -> bool {
        let end = clock::now().plus(pause);
        while clock::now() < end {
            if (self.with.cancelled)() {
                return false;
            }
            std::thread::sleep(NAP.min(end.since(clock::now())));
        }
        true
    }

    /// Whether the part needs no more bytes.
    fn is_whole(&self) -> bool {
        let len = self.part.len();
        len > 0
            && (self.part.total() == Some(len)
                || self.file.required_bytes() == Some(len)
                || self.file.as_expected(&self.part.sha256()) == Some(true))
    }

    /// All bytes are there: are they the right ones? `Ok(None)`: no, but old and new ones were mixed, so it is worth to
    /// start anew; the part is deleted.
    fn verify(&mut self, host: Option<&str>) -> Result<Option<Fetched>, Trouble> {
        let (bytes, sha256) = (self.part.len(), self.part.sha256());
        let size = self.file.required_bytes().filter(|&required| required != bytes);
        let hash = self.file.sha256.as_ref().filter(|_| self.file.as_expected(&sha256) == Some(false));
        // Where the hash is only hearsay, the file may well be another one than was told, and then no number of downloads
        // mends it: the person decides. But one of the announced size whose beginning lay on this disk over a power cut may
        // be damaged, and that one more download mends.
        let damaged = host.is_some() && self.file.bytes == Some(bytes) && !self.renewed;
        if self.resumed && (self.file.strict || damaged) && (hash.is_some() || size.is_some()) {
            self.part.discard()?;
            (self.resumed, self.renewed) = (false, true);
            return Ok(None);
        }
        let name = self.file.name.clone();
        if self.file.strict {
            if let Some(expected) = hash {
                self.part.discard()?;
                let expected = expected.to_ascii_lowercase();
                return Err(Trouble::Address(FetchError::WrongHash { name, expected, got: sha256 }));
            }
            if let Some(required) = size {
                self.part.discard()?;
                let (host, why) = (host.unwrap_or("the server").to_owned(), format!("it has {bytes} bytes, not {required}"));
                return Err(Trouble::Address(FetchError::WrongContent { name, host, why }));
            }
        }
        self.part.finish()?;
        Ok(Some(done(self.file, bytes, sha256, self.say)))
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
