//! Starts the child, waits for it, and reads from its end what happened.

use super::{COMMAND, ProbeError, ProbeKind, Probed};
use crate::clock;
use crate::turn::CancelToken;
use serde_json::Value;
use std::ffi::OsString;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

/// More than this of what it says is not kept.
const MOST_OUTPUT: u64 = 64 << 10;
/// How often its end and the cancel are looked at.
const POLL: Duration = Duration::from_millis(4);

/// What is to be done.
pub(super) struct Order<'a> {
    pub(super) program: &'a Path,
    pub(super) kind: ProbeKind,
    pub(super) path: &'a Path,
    pub(super) timeout: Duration,
    pub(super) environment: &'a [(OsString, OsString)],
    pub(super) cancel: &'a CancelToken,
}

/// A child that does not outlive this value.
struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        // One that has ended already cannot be killed; that is the usual case.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Why the waiting ended.
enum End {
    Itself(ExitStatus),
    TooLong,
    Cancelled,
}

pub(super) fn run(order: &Order<'_>) -> Result<Probed, ProbeError> {
    let unavailable = |error: std::io::Error| ProbeError::Unavailable(error.to_string());
    let begin = clock::now();
    let mut command = Command::new(order.program);
    command.arg(COMMAND).arg(order.kind.word()).arg("--json").arg("--").arg(order.path);
    // llama.cpp would start a debugger at its end, which holds the pipes open.
    command.env("GGML_NO_BACKTRACE", "1");
    command.envs(order.environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Held(command.spawn().map_err(unavailable)?);
    let said = listen(child.0.stdout.take()).map_err(unavailable)?;
    let complaint = listen(child.0.stderr.take()).map_err(unavailable)?;
    let deadline = begin.plus(order.timeout);
    let end = loop {
        match child.0.try_wait() {
            Ok(Some(status)) => break End::Itself(status),
            Ok(None) if order.cancel.is_cancelled() => break End::Cancelled,
            Ok(None) if clock::now() >= deadline => break End::TooLong,
            Ok(None) => std::thread::sleep(POLL),
            Err(error) => return Err(unavailable(error)),
        }
    };
    // Its pipes are closed by its end, which ends the listeners.
    drop(child);
    let (said, complaint) = (said.join().unwrap_or_default(), complaint.join().unwrap_or_default());
    let ms = u64::try_from(clock::now().since(begin).as_millis()).unwrap_or(u64::MAX);
    match end {
        End::TooLong => Err(ProbeError::TooLong(order.timeout)),
        End::Cancelled => Err(ProbeError::Cancelled),
        End::Itself(status) => {
            if !status.success() {
                // Its own words may quote the file.
                tracing::debug!(%status, bytes = complaint.len(), "the child complained at its end");
            }
            judge(status, &said, &complaint).map(|()| Probed { ms, remembered: false })
        }
    }
}

/// Reads a pipe to its end; keeps its beginning.
fn listen(pipe: Option<impl Read + Send + 'static>) -> std::io::Result<JoinHandle<String>> {
    std::thread::Builder::new().name("hark-probe".to_owned()).spawn(move || {
        let mut kept = Vec::new();
        if let Some(mut pipe) = pipe {
            // An end in the middle is as good as any.
            let _ = pipe.by_ref().take(MOST_OUTPUT).read_to_end(&mut kept);
            let _ = std::io::copy(&mut pipe, &mut std::io::sink());
        }
        String::from_utf8_lossy(&kept).into_owned()
    })
}

fn judge(status: ExitStatus, said: &str, complaint: &str) -> Result<(), ProbeError> {
    // The words of Rust's and C++'s own handlers, before they abort.
    let memory = ["memory allocation of", "bad_alloc", "Cannot allocate memory", "out of memory"];
    if !status.success() && status.code().is_none_or(|code| code > 2) && memory.iter().any(|words| complaint.contains(words)) {
        return Err(ProbeError::OutOfMemory);
    }
    // A machine that gives no more threads says nothing of the file; libraries give themselves up then.
    if !status.success() && complaint.contains("Resource temporarily unavailable") {
        return Err(ProbeError::NoAnswer);
    }
    if let Some(error) = crash(status) {
        return Err(error);
    }
    // Libraries may print notes of their own; only our object counts.
    let answer = said.lines().rev().find_map(|line| serde_json::from_str::<Value>(line).ok().filter(|value| value.get("event").is_some()));
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    match (status.code(), answer) {
        (Some(0), Some(value)) if text(&value, "event") == "probed" => Ok(()),
        (_, Some(value)) if text(&value, "event") == "out_of_memory" => Err(ProbeError::OutOfMemory),
        (_, Some(value)) if text(&value, "event") == "refused" && !text(&value, "message").is_empty() => {
            Err(ProbeError::Refused { message: text(&value, "message"), hint: text(&value, "hint") })
        }
        // The exit code of a Rust program whose main thread panicked.
        (Some(101), _) => Err(ProbeError::Fault),
        _ => Err(ProbeError::NoAnswer),
    }
}

#[cfg(unix)]
fn crash(status: ExitStatus) -> Option<ProbeError> {
    use std::os::unix::process::ExitStatusExt;
    // The numbers that are the same on every unix.
    Some(match status.signal()? {
        6 => ProbeError::Aborted,
        9 => ProbeError::Killed,
        4 => ProbeError::Crashed("SIGILL".to_owned()),
        5 => ProbeError::Crashed("SIGTRAP".to_owned()),
        8 => ProbeError::Crashed("SIGFPE".to_owned()),
        11 => ProbeError::Crashed("SIGSEGV".to_owned()),
        number if Some(number) == BUS => ProbeError::Crashed("SIGBUS".to_owned()),
        // SIGHUP, SIGINT, SIGTERM and the like come from a person, a session that ends, or a guard of the memory (earlyoom): they
        // say nothing of the file.
        _ => ProbeError::Cancelled,
    })
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const BUS: Option<i32> = Some(7);
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
const BUS: Option<i32> = Some(10);

#[cfg(not(unix))]
fn crash(status: ExitStatus) -> Option<ProbeError> {
    // NTSTATUS values, of which errors have the two highest bits set.
    match status.code()? as u32 {
        0xC000_0017 | 0xC000_012D => Some(ProbeError::OutOfMemory),
        0xC000_0409 => Some(ProbeError::Aborted),
        // Ctrl+C.
        0xC000_013A => Some(ProbeError::Cancelled),
        number if number >> 30 == 3 => Some(ProbeError::Crashed(format!("exception {number:#x}"))),
        _ => None,
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::turn::TurnId;
    use std::os::unix::fs::PermissionsExt;

    /// A child that is a shell script.
    fn run_script(script: &str, timeout: Duration, cancel: &CancelToken) -> Result<(), ProbeError> {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("child");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        let order = Order { program: &program, kind: ProbeKind::Stt, path: Path::new("-x"), timeout, environment: &[], cancel };
        run(&order).map(drop)
    }

    #[test]
    fn every_way_to_end_is_told_apart() {
        let end = |script: &str| run_script(script, Duration::from_secs(20), &CancelToken::never());
        assert_eq!(end(r#"echo noise; echo '{"event":"probed"}'"#), Ok(()));
        assert_eq!(end(r#"[ "$*" = "probe stt --json -- -x" ] && echo '{"event":"probed"}'"#), Ok(()));
        let refused = ProbeError::Refused { message: "It is bad.".to_owned(), hint: "Take another.".to_owned() };
        assert_eq!(end(r#"echo '{"event":"refused","message":"It is bad.","hint":"Take another."}'; exit 1"#), Err(refused));
        assert_eq!(end(r#"echo '{"event":"out_of_memory"}'; exit 1"#), Err(ProbeError::OutOfMemory));
        assert_eq!(end("echo terminate: std::bad_alloc >&2; kill -6 $$"), Err(ProbeError::OutOfMemory));
        assert_eq!(end("kill -6 $$"), Err(ProbeError::Aborted));
        assert_eq!(end("echo thread: Resource temporarily unavailable >&2; kill -6 $$"), Err(ProbeError::NoAnswer));
        assert_eq!(end("kill -11 $$"), Err(ProbeError::Crashed("SIGSEGV".to_owned())));
        assert_eq!(end("kill -9 $$"), Err(ProbeError::Killed));
        assert_eq!(end("exit 101"), Err(ProbeError::Fault));
        // Not HUP and INT: a child of `nohup`, or of a shell's background job, ignores them.
        for signal in ["TERM", "USR1", "ALRM"] {
            assert_eq!(end(&format!("kill -{signal} $$")), Err(ProbeError::Cancelled), "{signal} says nothing of the file");
        }
        // What it says before its end does not count when its end is bad, and the other way round.
        assert_eq!(end(r#"echo '{"event":"probed"}'; kill -11 $$"#), Err(ProbeError::Crashed("SIGSEGV".to_owned())));
        for script in ["true", "exit 1", "echo '{\"event\":'", "head -c 3000000 /dev/zero"] {
            assert_eq!(end(script), Err(ProbeError::NoAnswer), "{script}");
        }
    }

    #[test]
    fn one_that_hangs_is_ended_by_time_or_wish() {
        let begin = clock::now();
        let short = Duration::from_millis(200);
        assert_eq!(run_script("exec sleep 60", short, &CancelToken::never()), Err(ProbeError::TooLong(short)));
        let (cancel, mut turns) = CancelToken::with_clock();
        turns.advance_to(TurnId(99));
        assert_eq!(run_script("exec sleep 60", Duration::from_secs(60), &cancel), Err(ProbeError::Cancelled));
        assert!(clock::now().since(begin) < Duration::from_secs(20));
    }
}
