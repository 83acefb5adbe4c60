//! Other processes of a bench: the peers in Python and parts of this program. They say one JSON object a line, each with
//! an `event`, and a moment counts when its line arrives here.

use crate::clock;
use crate::turn::Moment;
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

/// No line for so long: it is given up.
const PATIENCE: Duration = Duration::from_secs(600);

/// A process that answers.
pub struct Process {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<(Moment, Value)>,
}

impl Process {
    /// Starts it. What it says on stderr is dropped unless the log is verbose.
    ///
    /// # Errors
    /// A sentence, when it cannot be started.
    pub fn start(name: &str, command: &mut Command) -> Result<Process, String> {
        let stderr = if tracing::enabled!(tracing::Level::DEBUG) { Stdio::inherit() } else { Stdio::null() };
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .map_err(|error| format!("{name} cannot be started: {error}."))?;
        let output = child.stdout.take().ok_or_else(|| format!("{name} has no output."))?;
        let (tx, lines) = bounded(256);
        std::thread::Builder::new()
            .name("hark-bench-reader".to_owned())
            .spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    let at = clock::now();
                    // Libraries print notes of their own; only our objects count.
                    let Ok(value) = serde_json::from_str::<Value>(&line) else { continue };
                    if value.get("event").is_some() && tx.send((at, value)).is_err() {
                        return;
                    }
                }
            })
            .map_err(|error| format!("The system gives no more threads: {error}."))?;
        let input = child.stdin.take();
        Ok(Process { name: name.to_owned(), child, input, lines })
    }

    /// Hands over one request.
    ///
    /// # Errors
    /// A sentence, when it is gone.
    pub fn send(&mut self, request: &Value) -> Result<(), String> {
        let gone = |error: &dyn std::fmt::Display| format!("{} ended in the middle of the bench: {error}.", self.name);
        let Some(input) = &mut self.input else { return Err(gone(&"its input is closed")) };
        writeln!(input, "{request}").and_then(|()| input.flush()).map_err(|error| gone(&error))
    }

    /// Waits for this event. Others are handed to `seen`.
    ///
    /// # Errors
    /// A sentence: what the process says went wrong, or that it ended.
    pub fn wait(&self, event: &str, mut seen: impl FnMut(&str, Moment)) -> Result<(Moment, Value), String> {
        loop {
            let (at, value) = self.lines.recv_timeout(PATIENCE).map_err(|error| match error {
                RecvTimeoutError::Timeout => format!("{} said nothing for ten minutes.", self.name),
                RecvTimeoutError::Disconnected => format!("{} ended without a result.", self.name),
            })?;
            match value["event"].as_str().unwrap_or_default() {
                found if found == event => return Ok((at, value)),
                "error" => return Err(format!("{}: {}", self.name, value["message"].as_str().unwrap_or("it failed"))),
                other => seen(other, at),
            }
        }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> String {
        self.child.id().to_string()
    }

    /// Waits for its end, which closing its input asks for; one that does not obey is ended.
    pub fn finish(mut self) {
        self.input = None;
        let deadline = clock::now().plus(Duration::from_secs(10));
        while clock::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.input = None;
        // One that has ended already cannot be killed; that is the usual case after `finish`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shell(script: &str) -> Process {
        Process::start("a script", Command::new("sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn lines_are_events_and_noise_is_skipped() {
        let mut process =
            shell(r#"echo loading; echo '{"event":"ready"}'; read l; echo '{"event":"first_audio"}'; echo '{"event":"done","n":7}'"#);
        process.wait("ready", |_, _| {}).unwrap();
        process.send(&json!({"do": "turn"})).unwrap();
        let mut seen = Vec::new();
        let (at, value) = process.wait("done", |event, moment| seen.push((event.to_owned(), moment))).unwrap();
        assert_eq!((value["n"].as_i64(), seen.len(), seen[0].0.as_str()), (Some(7), 1, "first_audio"));
        assert!(at >= seen[0].1);
        process.finish();
    }

    #[test]
    fn a_process_that_fails_says_why() {
        let failing = shell(r#"echo '{"event":"error","message":"no such model"}'"#);
        assert_eq!(failing.wait("done", |_, _| {}).unwrap_err(), "a script: no such model");
        assert!(shell("exit 3").wait("done", |_, _| {}).unwrap_err().contains("ended without a result"));
        assert!(Process::start("nothing", &mut Command::new("/nowhere/at/all")).is_err());
    }
}
