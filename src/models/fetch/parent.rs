//! The parent's side: starts the child, listens to it, ends it. No socket is opened here.

use super::message::{Line, MESSAGE_LIMIT, Message, Request, read_line};
use super::{FetchError, Fetched, Job, Options, Progress, WORKER_COMMAND};
use crate::clock;
use crate::error::reason;
use crate::models::own_program::own_program;
use crate::turn::Outcome;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::io::{self, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

/// How often it is asked whether somebody still wants it.
const GLANCE: Duration = Duration::from_millis(50);
/// A child that is asked to end has so long before it is killed.
const GRACE: Duration = Duration::from_secs(1);
/// The child says every second that it lives. One that is silent for so long is stuck (or was stopped).
const SILENCE: Duration = Duration::from_secs(60);
/// So many lines that are none of ours, and it is another program.
const NOISE_LIMIT: u32 = 100;

/// Gets all files of the job, in a child process. `cancel` is asked about twenty times a second; `on` hears how far it is,
/// on the caller's thread.
///
/// A file that is there with the right hash is not fetched again, and a part is gone on with. Two fetches into one folder
/// do not mix: the second waits a few seconds, then it fails with [`FetchError::Busy`].
///
/// # Errors
/// [`FetchError`]: two sentences for people. What came so far stays, so that the same call goes on later.
pub fn fetch(
    job: &Job,
    options: &Options,
    cancel: &dyn Fn() -> bool,
    on: &mut dyn FnMut(Progress),
) -> Result<Outcome<Vec<Fetched>>, FetchError> {
    job.check()?;
    if job.files.is_empty() {
        return Ok(Outcome::Done(Vec::new()));
    }
    let stall_ms = u64::try_from(options.stall.as_millis()).unwrap_or(u64::MAX);
    let request = Request { job: job.clone(), stall_ms, tries: options.tries };
    let mut line = serde_json::to_vec(&request).map_err(|_| FetchError::BadJob { why: "the folder's name is no text".to_owned() })?;
    line.push(b'\n');
    let mut worker = Worker::start(options, line)?;
    let (mut heard, mut noise) = (clock::now(), 0);
    loop {
        if cancel() {
            worker.end();
            return Ok(Outcome::Cancelled);
        }
        match worker.lines.recv_timeout(GLANCE) {
            Ok(Some(Message::Alive)) => heard = clock::now(),
            Ok(Some(Message::Progress(progress))) => {
                heard = clock::now();
                on(progress);
            }
            Ok(Some(Message::Finished(files))) if files.iter().map(|f| &f.name).eq(job.files.iter().map(|f| &f.name)) => {
                worker.end();
                return Ok(Outcome::Done(files));
            }
            Ok(Some(Message::Failed(error))) => {
                worker.end();
                return Err(error);
            }
            Ok(Some(Message::Finished(_)) | None) => {
                noise += 1;
                if noise >= NOISE_LIMIT {
                    return Err(ended("what it says is not understood"));
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                if clock::now().since(heard) > SILENCE {
                    return Err(ended("it stopped answering"));
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = worker.end();
                // Somebody who ends the whole program ends its child too; that is no fault.
                return if cancel() { Ok(Outcome::Cancelled) } else { Err(ended(&why(status))) };
            }
        }
    }
}

/// The child. Dropping it kills it.
struct Worker {
    child: Child,
    /// Closing it lets the writer close the child's stdin.
    open: Option<Sender<()>>,
    /// What it says; `None`: a line that is none of ours.
    lines: Receiver<Option<Message>>,
}

impl Worker {
    fn start(options: &Options, request: Vec<u8>) -> Result<Worker, FetchError> {
        let no_start = |error: io::Error| ended(&format!("it cannot be started, {}", reason(&error)));
        let program = options.program.clone().map_or_else(own_program, Ok).map_err(no_start)?;
        let mut command = Command::new(program);
        let stderr = if tracing::enabled!(tracing::Level::DEBUG) { Stdio::inherit() } else { Stdio::null() };
        command.arg(WORKER_COMMAND).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
        alone(&mut command);
        let mut child = command.spawn().map_err(no_start)?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (open, closed) = bounded(1);
        let (tx, lines) = bounded(64);
        // From here on the child is ended when something goes wrong.
        let worker = Worker { child, open: Some(open), lines };
        let no_pipe = || ended("it has no pipes");
        let (input, output) = (input.ok_or_else(no_pipe)?, output.ok_or_else(no_pipe)?);
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        thread("hark-fetch-writer").spawn(move || write(input, &request, &closed)).map_err(no_start)?;
        thread("hark-fetch-reader").spawn(move || read(output, &tx)).map_err(no_start)?;
        Ok(worker)
    }

    /// Asks it to end, waits a moment, kills it.
    fn end(&mut self) -> Option<ExitStatus> {
        self.open = None;
        // A child that waits for a reader hears nothing else.
        self.lines = crossbeam_channel::never();
        let deadline = clock::now().plus(GRACE);
        while clock::now() < deadline {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Err(_) => break,
            }
        }
        // It may have ended just now.
        let _ = self.child.kill();
        self.child.wait().ok()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.open = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Its own thread, because a child that does not read would hold the parent up.
fn write(mut input: ChildStdin, request: &[u8], closed: &Receiver<()>) {
    if input.write_all(request).and_then(|()| input.flush()).is_ok() {
        // Nothing is ever sent: this waits for the end, and then stdin closes.
        let _ = closed.recv();
    }
}

fn read(output: ChildStdout, tx: &Sender<Option<Message>>) {
    let mut output = BufReader::new(output);
    loop {
        let message = match read_line(&mut output, MESSAGE_LIMIT) {
            Ok(Line::Whole(line)) => serde_json::from_slice(&line).ok(),
            Ok(Line::TooLong) => None,
            Ok(Line::End) | Err(_) => return,
        };
        if tx.send(message).is_err() {
            return;
        }
    }
}

/// Ctrl+C in a terminal goes to all programs of a group; the child is ended by us, in order.
fn alone(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(windows)]
    {
        // No black window beside ours.
        const CREATE_NO_WINDOW: u32 = 0x0800_0000;
        std::os::windows::process::CommandExt::creation_flags(command, CREATE_NO_WINDOW);
    }
    #[cfg(not(any(unix, windows)))]
    let _ = command;
}

fn ended(why: &str) -> FetchError {
    FetchError::ChildEnded { why: why.to_owned() }
}

fn why(status: Option<ExitStatus>) -> String {
    let Some(status) = status else { return "the system does not say why".to_owned() };
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return if signal == 9 { "it was killed".to_owned() } else { format!("it crashed with signal {signal}") };
    }
    match status.code() {
        Some(0) | None => "it said no result".to_owned(),
        Some(code) => format!("it ended with code {code}"),
    }
}

#[cfg(all(test, unix))]
#[path = "parent_tests.rs"]
mod tests;
