//! The child: one job from stdin, progress to stdout, and an end when stdin closes.

use super::file::{Surroundings, fetch_file};
use super::lock::FolderLock;
use super::message::{Line, Message, REQUEST_LIMIT, Request, read_line};
use super::part::cannot_write;
use super::{FetchError, Fetched, Progress};
use crate::turn::Outcome;
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded, select};
use std::io::{self, BufReader, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// So often the parent hears that the child lives.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// So long the work may take to notice that nobody wants it any more. A read from a silent server does not notice; the end
/// of the process ends it too, and the part is whole up to its last byte at any moment.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// Nobody else's business, so no name of ours: as after Ctrl+C.
const ENDED_BY_PARENT: u8 = 130;

/// `hark fetch-worker`: the only code of the program that opens a network socket.
#[must_use]
pub fn worker_main() -> ExitCode {
    let (line, gone) = match listen() {
        Ok(channels) => channels,
        Err(error) => return last_word(Err(no_thread(&error))),
    };
    // An end before the line is a parent that changed its mind.
    let Ok(line) = line.recv() else { return ExitCode::from(ENDED_BY_PARENT) };
    let request = match serde_json::from_slice::<Request>(&line) {
        Ok(request) => request,
        Err(error) => return last_word(Err(FetchError::BadJob { why: format!("the job is not understood ({error})") })),
    };
    let cancelled = Arc::new(AtomicBool::new(false));
    let (done_tx, done) = bounded(1);
    let flag = Arc::clone(&cancelled);
    let work = move || {
        let mut say = |progress| {
            // Nobody reads any more: the parent is gone.
            if tell(&Message::Progress(progress)).is_err() {
                flag.store(true, Ordering::Relaxed);
            }
        };
        let result = run(&request, &|| flag.load(Ordering::Relaxed), &mut say);
        // The other end is only gone when the process ends.
        let _ = done_tx.send(result);
    };
    if let Err(error) = std::thread::Builder::new().name("hark-fetch-work".to_owned()).spawn(work) {
        return last_word(Err(no_thread(&error)));
    }
    loop {
        select! {
            recv(done) -> result => return last_word(result.unwrap_or_else(|_| Err(fault()))),
            recv(gone) -> _ => break,
            default(HEARTBEAT) => if tell(&Message::Alive).is_err() { break },
        }
    }
    cancelled.store(true, Ordering::Relaxed);
    match done.recv_timeout(LAST_WORDS) {
        Ok(result) => last_word(result),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => ExitCode::from(ENDED_BY_PARENT),
    }
}

/// Does the whole job in this process.
fn run(request: &Request, cancelled: &dyn Fn() -> bool, say: &mut dyn FnMut(Progress)) -> Result<Outcome<Vec<Fetched>>, FetchError> {
    let job = &request.job;
    job.check()?;
    std::fs::create_dir_all(&job.folder).map_err(|e| cannot_write(&job.folder, &e))?;
    let Some(_lock) = FolderLock::take(&job.folder, cancelled)? else { return Ok(Outcome::Cancelled) };
    let stall = Duration::from_millis(request.stall_ms.max(1));
    let with = Surroundings { folder: &job.folder, stall, tries: request.tries, cancelled };
    let mut all = Vec::new();
    for file in &job.files {
        match fetch_file(file, &with, say)? {
            Outcome::Done(fetched) => all.push(fetched),
            Outcome::Cancelled => return Ok(Outcome::Cancelled),
        }
    }
    Ok(Outcome::Done(all))
}

/// The first line of stdin, and a channel that closes when stdin does.
fn listen() -> io::Result<(Receiver<Vec<u8>>, Receiver<()>)> {
    let (line_tx, line) = bounded(1);
    let (gone_tx, gone) = bounded::<()>(1);
    std::thread::Builder::new().name("hark-fetch-stdin".to_owned()).spawn(move || {
        let _open = gone_tx;
        let mut input = BufReader::new(io::stdin());
        match read_line(&mut input, REQUEST_LIMIT) {
            Ok(Line::Whole(line)) => drop(line_tx.send(line)),
            // Not understood, and said so.
            Ok(Line::TooLong) => drop(line_tx.send(Vec::new())),
            Ok(Line::End) | Err(_) => return,
        }
        drop(line_tx);
        let mut rest = [0; 256];
        while input.read(&mut rest).is_ok_and(|count| count > 0) {}
    })?;
    Ok((line, gone))
}

fn tell(message: &Message) -> io::Result<()> {
    let mut line = serde_json::to_vec(message).map_err(io::Error::other)?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}

fn last_word(result: Result<Outcome<Vec<Fetched>>, FetchError>) -> ExitCode {
    let (message, code) = match result {
        Ok(Outcome::Done(files)) => (Message::Finished(files), ExitCode::SUCCESS),
        Ok(Outcome::Cancelled) => return ExitCode::from(ENDED_BY_PARENT),
        Err(error) => (Message::Failed(error), ExitCode::FAILURE),
    };
    // A parent that is gone misses nothing.
    let _ = tell(&message);
    code
}

fn fault() -> FetchError {
    FetchError::ChildEnded { why: "an internal fault happened".to_owned() }
}

fn no_thread(error: &io::Error) -> FetchError {
    tracing::warn!(%error, "no thread");
    FetchError::ChildEnded { why: "the system gives no more threads".to_owned() }
}
