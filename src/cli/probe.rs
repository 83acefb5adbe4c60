//! `hark probe`, a hidden command: the child in which a model file is loaded for the first time ([`crate::models::probe`]).
//! It limits its own memory, loads the file, lets the engine work for a moment, and says on one line how that went.

use super::Exit;
use super::engines::check_cpu;
use super::terminal::Terminal;
use crate::clock;
use crate::config::VoiceChoice;
use crate::config::paths::cache_dir;
use crate::error::StageError;
use crate::llm::llama::LlamaModelHandle;
use crate::llm::{ChatError, ChatModel, ChatOptions, Sampling};
use crate::models::probe::ProbeKind;
use crate::platform::{files, sandbox};
use crate::printable::one_line;
use crate::stt::TranscribeError;
use crate::stt::whisper::WhisperTranscriber;
use crate::tts::worker::factory;
use crate::tts::{SynthesisError, runtime};
use crate::turn::CancelToken;
use clap::Args;
use std::path::{Path, PathBuf};

/// Tests make the child fail in this way: `abort`, `segv`, `kill`, `oom`, `hang`, `garbage`, `panic`; or try what it may not do.
/// Only the child reads it, so it can harm nothing else.
const FAULT: &str = "HARK_PROBE_FAULT";
/// Memory beside what follows from the file: the program itself, buffers for the computation.
const BESIDE: u64 = 3 << 29;

/// `hark probe`
#[derive(Debug, Args)]
pub struct Probe {
    /// Which engine loads it.
    #[arg(value_name = "stt|chat|voice", value_parser = kind)]
    pub kind: ProbeKind,
    /// The file.
    pub file: PathBuf,
    /// One JSON object.
    #[arg(long)]
    pub json: bool,
}

fn kind(word: &str) -> Result<ProbeKind, String> {
    let all = [ProbeKind::Stt, ProbeKind::Chat, ProbeKind::Voice];
    all.into_iter().find(|kind| kind.word() == word).ok_or_else(|| "stt, chat or voice is needed".to_owned())
}

/// How the file was refused.
enum Refusal {
    OutOfMemory(StageError),
    Other(StageError),
}

/// Runs the command.
pub fn run(args: &Probe, terminal: &mut Terminal) -> Exit {
    let bytes = std::fs::metadata(&args.file).map_or(0, |about| about.len());
    limits::set(bytes);
    let walls = sandbox::confine(&readable(args.kind, &args.file), &writable(args.kind));
    tracing::debug!(?walls, "walls around the probe");
    if let Ok(fault) = std::env::var(FAULT) {
        faults::happen(&fault);
    }
    let begin = clock::now();
    let result = check_cpu().map_err(Refusal::Other).and_then(|_| try_out(args.kind, &args.file));
    let ms = clock::now().ms_since(begin).round();
    let value = match &result {
        Ok(()) => serde_json::json!({ "event": "probed", "kind": args.kind, "ms": ms }),
        Err(Refusal::OutOfMemory(error)) => serde_json::json!({ "event": "out_of_memory", "message": error.message, "hint": error.hint }),
        Err(Refusal::Other(error)) => serde_json::json!({ "event": "refused", "message": error.message, "hint": error.hint }),
    };
    // A parent that is gone hears nothing.
    let _ = match &result {
        _ if args.json => terminal.json(&value),
        Ok(()) => terminal.line(&one_line(&format!("{} works; that took {ms} ms.", args.file.display()))),
        Err(Refusal::OutOfMemory(error) | Refusal::Other(error)) => terminal.json(&one_line(&error)),
    };
    if result.is_ok() { Exit::Good } else { Exit::Failed }
}

/// What loading and trying takes, beside the file: the system's libraries and facts about the machine, ONNX Runtime, espeak-ng's
/// data. Nothing of a person's home but the model.
fn readable(kind: ProbeKind, file: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = ["/usr", "/lib", "/lib64", "/etc", "/proc", "/sys", "/dev"].map(PathBuf::from).into();
    all.extend(std::fs::canonicalize(file));
    if kind == ProbeKind::Voice {
        // A voice is several files; in the stores of other programs each of them is a link.
        let folder = if file.is_dir() { Some(file) } else { file.parent() };
        let entries = folder.and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().flatten().take(MOST_BESIDE);
        all.extend(entries.filter_map(|entry| std::fs::canonicalize(entry.path()).ok()).filter(|path| path.is_file()));
        all.extend(folder.map(Path::to_owned));
        let data = ["ESPEAK_DATA_PATH"].iter().filter_map(std::env::var_os).map(PathBuf::from);
        let program = std::env::current_exe().ok().and_then(|program| program.parent().map(Path::to_owned));
        // The library, and the folder in which it is found.
        let library = runtime::look().ok().map(|library| library.parent().map_or(library.clone(), Path::to_owned));
        all.extend(library.into_iter().chain(data).chain(program.map(|folder| folder.join("espeak-ng-data"))));
    }
    all
}

/// Files beside a voice that it may be made of.
const MOST_BESIDE: usize = 200;

/// Where a probe may write: what it found out about a voice's graph.
fn writable(kind: ProbeKind) -> Vec<PathBuf> {
    let verdicts = cache_dir().filter(|_| kind == ProbeKind::Voice).map(|cache| cache.join(runtime::VERDICTS));
    // It must be there to be allowed; where it cannot be made nothing is kept, as always.
    let verdicts = verdicts.filter(|folder| files::private_folder(folder).is_ok());
    verdicts.into_iter().chain([PathBuf::from("/dev/null")]).collect()
}

/// Loads the file and lets the engine work for a moment.
fn try_out(kind: ProbeKind, path: &Path) -> Result<(), Refusal> {
    match kind {
        // Loading runs it once on silence.
        ProbeKind::Stt => WhisperTranscriber::load(path, 2).map(drop).map_err(|error| match error {
            TranscribeError::OutOfMemory(_) => Refusal::OutOfMemory(error.into()),
            error => Refusal::Other(error.into()),
        }),
        ProbeKind::Chat => chat(path).map_err(|error| match error {
            ChatError::OutOfMemory(_) => Refusal::OutOfMemory(error.into()),
            error => Refusal::Other(error.into()),
        }),
        ProbeKind::Voice => voice(path).map_err(|error| match error {
            SynthesisError::OutOfMemory(_) => Refusal::OutOfMemory(error.into()),
            error => Refusal::Other(error.into()),
        }),
    }
}

fn chat(path: &Path) -> Result<(), ChatError> {
    let model = LlamaModelHandle::load(path, 2)?;
    let sampling = Sampling { temperature: 0.0, seed: Some(1), ..Sampling::default() };
    let options = ChatOptions { context_tokens: 512, max_tokens: 2, sampling, threads: 2, adapt: false, ..ChatOptions::default() };
    let mut session = model.session(&options)?;
    session.reply("Hi", &CancelToken::never(), &mut |_| ()).map(drop)
}

fn voice(path: &Path) -> Result<(), SynthesisError> {
    // Also finds out whether it can be streamed, and keeps that for the program (`tts::verdict`).
    let mut voice = factory(&VoiceChoice::Vits(path.to_owned()), 1)()?;
    voice.try_out()
}

#[cfg(target_os = "linux")]
mod limits {
    use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};

    /// Limits this process: memory of its own (not the pages of a mapped file), no core file, and an end when the parent ends.
    /// What the system does not allow is left: the time limit of the parent still holds.
    pub(super) fn set(bytes: u64) {
        let whole = sysinfo::System::new().map_or(0, |mut system| {
            system.refresh_memory();
            system.total_memory()
        });
        let memory = super::most_memory(bytes, whole);
        let limit = |bytes| Rlimit { current: Some(bytes), maximum: Some(bytes) };
        let _ = setrlimit(Resource::Data, limit(memory));
        // Looser, for kernels that do not count the other: stacks and reserved ranges are in it, and the mapped file.
        let _ = setrlimit(Resource::As, limit(memory.saturating_mul(2).saturating_add(bytes).saturating_add(4 << 30)));
        // When memory runs out for all, this process is the one to go, not the one that is talked with.
        let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
        let _ = setrlimit(Resource::Core, limit(0));
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
    }
}

#[cfg(not(target_os = "linux"))]
mod limits {
    /// Other systems are asked for nothing yet: the time limit of the parent still holds.
    pub(super) fn set(_bytes: u64) {}
}

/// Memory that the child may take for a file of this size, bytes: an engine may hold the file, the weights in another layout
/// and a copy while it optimises; never more than the machine has. `whole` 0: not known.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn most_memory(bytes: u64, whole: u64) -> u64 {
    let wish = bytes.saturating_mul(4).saturating_add(BESIDE);
    if whole == 0 { wish } else { wish.min(whole) }
}

mod faults {
    use std::io::Write;
    use std::time::Duration;

    /// Fails in this way; returns when it knows none.
    // These are the very things that must not happen elsewhere.
    #[allow(clippy::disallowed_methods, clippy::panic)]
    pub(super) fn happen(fault: &str) {
        // `socket`, `exec`, `read=PATH`, `write=PATH`: what a hostile file would try. Success is a crash that a test sees.
        let done = match fault.split_once('=').unwrap_or((fault, "")) {
            ("socket", _) => std::net::UdpSocket::bind("127.0.0.1:0").is_ok() || std::net::TcpListener::bind("[::1]:0").is_ok(),
            ("exec", _) => std::process::Command::new("/bin/true").status().is_ok(),
            ("read", path) => std::fs::read(path).is_ok(),
            ("write", path) => std::fs::write(path, "x").is_ok(),
            _ => false,
        };
        if done {
            std::process::abort();
        }
        match fault {
            "abort" => std::process::abort(),
            "panic" => panic!("asked for"),
            "hang" => loop {
                std::thread::sleep(Duration::from_secs(1));
            },
            "garbage" => {
                let _ = std::io::stdout().write_all(b"\xff\x00{\"event\":\n{}\n[1,2]\n{\"event\":7}\n");
                std::process::exit(0);
            }
            "oom" => {
                // Ends where the limit is. Zeros, because memory that is only asked for is not taken from the machine.
                let all: Vec<_> = (0..64).map(|_| vec![0_u8; 64 << 20]).collect();
                std::hint::black_box(&all);
            }
            #[cfg(target_os = "linux")]
            "segv" => signal(rustix::process::Signal::SEGV),
            #[cfg(target_os = "linux")]
            "kill" => signal(rustix::process::Signal::KILL),
            _ => {}
        }
    }

    #[cfg(target_os = "linux")]
    fn signal(signal: rustix::process::Signal) {
        // Rust's own handler takes the first SIGSEGV and gives the next to the system.
        for _ in 0..3 {
            let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_follows_from_the_file_and_the_machine() {
        assert_eq!(most_memory(100, 0), 400 + BESIDE);
        assert_eq!(most_memory(100 << 20, 16 << 30), (400 << 20) + BESIDE);
        assert_eq!(most_memory(5 << 30, 8 << 30), 8 << 30);
        assert_eq!(most_memory(u64::MAX, 8 << 30), 8 << 30);
    }

    #[test]
    fn kinds_are_words() {
        assert_eq!(kind("voice"), Ok(ProbeKind::Voice));
        assert!(kind("dance").is_err());
    }
}
