//! The program: logging, one line for a fault, then the command line or the window ([`hark::cli`]).

use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    // Time counts from here.
    let _ = hark::clock::now();
    let verbose = start_log();
    short_panics(verbose);
    hark::platform::dumps::forbid();
    hark::models::probe::offer();
    hark::cli::run(std::env::args_os()).into()
}

/// Logs go to stderr; `HARK_LOG` chooses them (`warn` by default, `hark=debug` for more). They never hold what was said.
/// Returns whether somebody looks for a fault.
fn start_log() -> bool {
    let wish = std::env::var("HARK_LOG").unwrap_or_default();
    let filter = EnvFilter::try_new(if wish.trim().is_empty() { "warn" } else { &wish });
    let unknown = filter.is_err();
    let filter = filter.unwrap_or_else(|_| EnvFilter::new("warn"));
    // A second logger in one process is the only way for this to fail, and there is none.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| hark::cli::terminal::Stderr).with_ansi(false).try_init();
    if unknown {
        tracing::warn!("HARK_LOG is not understood, warnings are shown; an example is HARK_LOG=hark=debug");
    }
    wish.contains("debug") || wish.contains("trace")
}

/// A fault of ours is one line. Its own words are left out unless somebody looks for it, and always when they were put together
/// at run time: they may quote the text that was worked on.
fn short_panics(verbose: bool) {
    std::panic::set_hook(Box::new(move |panic| {
        use std::io::Write;
        let place = panic.location().map_or_else(String::new, |place| format!(" at {}:{}", place.file(), place.line()));
        let words =
            if verbose { format!(": {}", panic.payload().downcast_ref::<&'static str>().unwrap_or(&"no message")) } else { String::new() };
        // Not `eprintln!`, which would panic again when stderr is closed.
        let _ = writeln!(hark::cli::terminal::Stderr, "hark: An internal fault happened{place}{words}. Please report it.");
    }));
}
