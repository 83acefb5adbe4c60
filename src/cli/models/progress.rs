//! How far a download or copy is: one line that changes on a terminal, JSON lines for programs, a line a file elsewhere.

use crate::cli::terminal::{Stderr, Terminal};
use crate::models::fault::size;
use crate::models::fetch::Progress;
use crate::printable::one_line;
use serde_json::{Value, json};
use std::io::Write;

/// Where it is shown.
pub(super) enum Show {
    /// One line of stderr, written over and over.
    Line,
    /// A line on stderr for each file.
    Files,
    /// JSON lines on stdout.
    Json,
}

impl Show {
    /// What suits this process.
    pub(super) fn of_this_process(json: bool) -> Show {
        match (json, Stderr.is_screen()) {
            (true, _) => Show::Json,
            (false, true) => Show::Line,
            (false, false) => Show::Files,
        }
    }

    /// Shows it. Nobody may be there to read it; the work goes on.
    pub(super) fn show(&self, model: &str, progress: &Progress) {
        match self {
            Show::Json => drop(Terminal::of_this_process().json(&json_of(model, progress))),
            Show::Line => Stderr.over(&words(progress), is_last(progress)),
            Show::Files if is_last(progress) || matches!(progress, Progress::Retrying { .. }) => {
                drop(writeln!(Stderr, "{}", one_line(&words(progress))));
            }
            Show::Files => {}
        }
    }

    /// Leaves the line that is written over, before something else is said.
    pub(super) fn leave(&self) {
        if matches!(self, Show::Line) {
            Stderr.over("", false);
        }
    }
}

fn is_last(progress: &Progress) -> bool {
    matches!(progress, Progress::Done { .. })
}

/// `ggml-base.bin  12 MB of 148 MB, 3.1 MB/s, 44 s left`
fn words(progress: &Progress) -> String {
    match progress {
        Progress::Started { name, resumed_at: 0, .. } => format!("{name}  …"),
        Progress::Started { name, resumed_at, .. } => format!("{name}  goes on at {}", size(*resumed_at)),
        Progress::Bytes { name, done, total, per_second, seconds_left } => {
            let of = total.map_or_else(String::new, |total| format!(" of {}", size(total)));
            let speed =
                if per_second.is_finite() && *per_second > 0.0 { format!(", {}/s", size(*per_second as u64)) } else { String::new() };
            let left = seconds_left.filter(|left| left.is_finite()).map_or_else(String::new, |left| format!(", {} left", time(left)));
            format!("{name}  {}{of}{speed}{left}", size(*done))
        }
        Progress::Retrying { name, why, attempt } => format!("{name}  {} Try {}.", why.trim_end(), attempt.saturating_add(1)),
        Progress::Verifying { name } => format!("{name}  is read again to compare it"),
        Progress::Done { name, bytes, .. } => format!("{name}  {}, done", size(*bytes)),
    }
}

fn time(seconds: f64) -> String {
    let whole = seconds.clamp(0.0, 1e7).ceil() as u64;
    match whole {
        0..100 => format!("{whole} s"),
        100..6000 => format!("{} min", whole.div_ceil(60)),
        _ => format!("{} h", whole.div_ceil(3600)),
    }
}

fn json_of(model: &str, progress: &Progress) -> Value {
    match progress {
        Progress::Started { name, total, resumed_at } => {
            json!({"event": "started", "model": model, "file": name, "total": total, "resumed_at": resumed_at})
        }
        Progress::Bytes { name, done, total, per_second, seconds_left } => json!({
            "event": "progress", "model": model, "file": name, "done": done, "total": total,
            "per_second": per_second.round(), "seconds_left": seconds_left.map(f64::round)
        }),
        Progress::Retrying { name, why, attempt } => {
            json!({"event": "retrying", "model": model, "file": name, "why": why, "attempt": attempt})
        }
        Progress::Verifying { name } => json!({"event": "verifying", "model": model, "file": name}),
        Progress::Done { name, bytes, sha256, as_expected } => {
            json!({"event": "done", "model": model, "file": name, "bytes": bytes, "sha256": sha256, "as_expected": as_expected})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(seconds_left: Option<f64>, per_second: f64) -> Progress {
        Progress::Bytes { name: "a.bin".into(), done: 12_000_000, total: Some(148_000_000), per_second, seconds_left }
    }

    #[test]
    fn a_download_says_how_fast_it_is_and_how_long_it_takes() {
        assert_eq!(words(&bytes(Some(43.2), 3.1e6)), "a.bin  12 MB of 148 MB, 3.1 MB/s, 44 s left");
        assert_eq!(words(&bytes(Some(200.0), 3.1e6)), "a.bin  12 MB of 148 MB, 3.1 MB/s, 4 min left");
        assert_eq!(words(&bytes(Some(f64::INFINITY), f64::NAN)), "a.bin  12 MB of 148 MB");
        assert_eq!(words(&bytes(None, 0.0)), "a.bin  12 MB of 148 MB");
    }

    #[test]
    fn programs_get_figures() {
        let line = json_of("m", &bytes(Some(43.2), 3.1e6)).to_string();
        let expected = r#"{"event":"progress","model":"m","file":"a.bin","done":12000000,"total":148000000,"per_second":3100000.0,"seconds_left":43.0}"#;
        assert_eq!(line, expected);
    }
}
