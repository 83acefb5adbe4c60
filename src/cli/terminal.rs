//! stdout, stderr and Ctrl+C of a command. Nothing else writes there (`tests/borders.rs`), so that all text passes
//! [`crate::printable`].

use crate::error::{Severity, StageError};
use crate::printable::{json, one_line, printable};
use crate::turn::{CancelToken, TurnId};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::HashSet;
use std::fmt;
use std::io::{self, IsTerminal, Write};

/// Where a command writes. Results go to stdout and their loss is an error; sentences go to stderr and their loss is not.
pub struct Terminal {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    /// Stages that were said to be out of work.
    said: HashSet<String>,
    #[cfg(test)]
    memory: (Shared, Shared),
}

impl Terminal {
    /// The process's own.
    #[must_use]
    pub fn of_this_process() -> Self {
        Terminal {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            said: HashSet::new(),
            #[cfg(test)]
            memory: Default::default(),
        }
    }

    /// Writes a line and makes sure that the reader gets it now.
    ///
    /// # Errors
    /// When the reader is gone or the disk is full.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{}", printable(text))?;
        self.out.flush()
    }

    /// Writes JSON as a line (pretty JSON: as lines); its reader gets the true text, see [`crate::printable::json`].
    ///
    /// # Errors
    /// When the reader is gone or the disk is full.
    pub fn json(&mut self, value: &impl fmt::Display) -> io::Result<()> {
        writeln!(self.out, "{}", json(value))?;
        self.out.flush()
    }

    /// Writes a part of a line.
    ///
    /// # Errors
    /// When the reader is gone or the disk is full.
    pub fn piece(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(printable(text).as_bytes())?;
        self.out.flush()
    }

    /// Says a problem on stderr, on one line.
    pub fn error(&mut self, problem: &dyn fmt::Display) {
        let sentence = one_line(&problem.to_string());
        // Nobody reads it; there is no other way to say so.
        let _ = writeln!(self.err, "hark: {sentence}");
    }

    /// Says on stderr how far something is.
    pub fn note(&mut self, text: &str) {
        // Nobody reads it; the work goes on.
        let _ = writeln!(self.err, "{}", printable(text));
    }

    /// Says a problem of a conversation. A stage that is out of work is said once, not again with every question that
    /// fails for it.
    pub fn problem(&mut self, problem: &StageError) {
        if problem.severity != Severity::Stage || self.said.insert(problem.message.clone()) {
            self.error(problem);
        }
    }

    /// What is to be said when stdout failed: nothing when its reader went away on purpose (`| head`).
    pub fn lost(&mut self, error: &io::Error) {
        if error.kind() != io::ErrorKind::BrokenPipe {
            let reason = crate::error::reason(error);
            self.error(&format!("The output could not be written: {reason}. Make room on the disk or write to another place."));
        }
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Terminal")
    }
}

/// The process's stderr, for what is said beside a [`Terminal`]: logs, a fault's line, progress, questions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stderr;

impl Stderr {
    /// Whether it is a screen, on which a line can be written over.
    #[must_use]
    pub fn is_screen(self) -> bool {
        io::stderr().is_terminal()
    }

    /// Writes over the line that the last call left open; `ended`: no other call writes over this one.
    pub fn over(self, text: &str, ended: bool) {
        // Nobody reads it; the work goes on.
        let _ = write!(io::stderr(), "\r\x1b[2K{}{}", one_line(&text), if ended { "\n" } else { "" });
    }
}

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Formatting and tracing hand over whole strings, so no character is cut in two.
        io::stderr().write_all(printable(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Says why the command line was not understood, or shows the help. Clap repeats arguments as they came, and a `*` of the shell may
/// have put the name of a file there; so only the help, which holds nothing of them, has clap's colours.
pub fn show_usage(error: &clap::Error) {
    // `--help | head` closes the pipe early; that is nobody's fault.
    let _ = if error.use_stderr() { write!(Stderr, "{}", error.render()) } else { error.print() };
}

/// Ctrl+C, or the system's request to end.
#[derive(Debug)]
pub struct Interrupt {
    /// Gets a message when it happens.
    pub pressed: Receiver<()>,
    /// Is cancelled when it happens, for engines that work on this thread.
    pub token: CancelToken,
    /// Without it `pressed` would be disconnected where no handler could be set.
    _sender: Sender<()>,
}

impl Interrupt {
    /// From now on Ctrl+C does not end the process at once.
    #[must_use]
    pub fn catch() -> Self {
        let (token, mut clock) = CancelToken::with_clock();
        let (tx, pressed) = bounded(1);
        let sender = tx.clone();
        let mut asked = false;
        let caught = ctrlc::set_handler(move || {
            // Whatever hangs, an engine or a reader: who asks twice means now.
            if std::mem::replace(&mut asked, true) {
                end_now();
            }
            clock.advance_to(TurnId(1));
            // When one is waiting already a second says nothing new.
            let _ = tx.try_send(());
        });
        if let Err(error) = caught {
            tracing::warn!(%error, "Ctrl+C ends the program at once");
        }
        Interrupt { pressed, token, _sender: sender }
    }
}

/// Ends the process without running anything more of it: no destructor of an engine, which may be what hangs.
fn end_now() {
    #[cfg(unix)]
    signal_hook::low_level::exit(INTERRUPTED);
    #[cfg(not(unix))]
    #[allow(clippy::disallowed_methods)] // there is nothing else there
    std::process::exit(INTERRUPTED);
}

/// 128 + the number of SIGINT, as shells expect.
const INTERRUPTED: i32 = 130;

#[cfg(test)]
type Shared = std::sync::Arc<std::sync::Mutex<Vec<u8>>>;

#[cfg(test)]
struct Memory(Shared);

#[cfg(test)]
impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
impl Terminal {
    /// For tests: keeps everything.
    pub fn to_memory() -> Self {
        let memory: (Shared, Shared) = Default::default();
        Terminal { out: Box::new(Memory(memory.0.clone())), err: Box::new(Memory(memory.1.clone())), said: HashSet::new(), memory }
    }

    /// For tests: stdout fails like this.
    pub fn failing(kind: io::ErrorKind) -> Self {
        struct Failing(io::ErrorKind);
        impl Write for Failing {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(self.0.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        Terminal { out: Box::new(Failing(kind)), ..Self::to_memory() }
    }

    /// For tests: what stdout and stderr got.
    pub fn memory(&self) -> (String, String) {
        let text = |shared: &Shared| String::from_utf8(shared.lock().unwrap().clone()).unwrap();
        (text(&self.memory.0), text(&self.memory.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Stage;

    #[test]
    fn a_stage_that_is_out_of_work_is_said_once_and_a_turn_that_failed_each_time() {
        let mut terminal = Terminal::to_memory();
        let gone = StageError::new(Stage::Llm, Severity::Stage, "It is gone.", "Get it.");
        let failed = StageError::new(Stage::Llm, Severity::Turn, "It failed.", "Again.");
        [&gone, &failed, &gone, &failed].into_iter().for_each(|problem| terminal.problem(problem));
        assert_eq!(terminal.memory().1, "hark: It is gone. Get it.\nhark: It failed. Again.\nhark: It failed. Again.\n");
    }

    #[test]
    fn a_reader_that_went_away_is_no_error_and_a_full_disk_is() {
        let mut terminal = Terminal::failing(io::ErrorKind::BrokenPipe);
        let error = terminal.line("x").unwrap_err();
        terminal.lost(&error);
        assert_eq!(terminal.memory().1, "");
        terminal.lost(&io::ErrorKind::StorageFull.into());
        assert!(terminal.memory().1.starts_with("hark: The output could not be written: the disk is full."));
    }
}
