//! `hark bench`: what it measures is in [`crate::bench`]; here are its arguments, its files and its output.

use super::terminal::Terminal;
use super::{Context, Exit, engines};
use crate::audio::Pcm16k;
use crate::bench::plan::{IDS, Plan, store};
use crate::bench::{part, report, setup};
use crate::error::{Severity, Stage, StageError};
use crate::platform::{files, trusted};
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where the recorded questions and the peers are in the checkout.
const QUESTIONS: &str = "assets/questions";
/// More than this is no result, bytes.
const LARGEST_REPORT: u64 = 16 << 20;
const PYTHON: &str = "target/bench-peers/venv/bin/python";
const PEERS: &str = "benches/peers";

/// `hark bench`
#[derive(Debug, Args)]
pub struct Bench {
    /// Recorded questions of one dialogue; without any: the ten that come with the sources.
    #[arg(value_name = "WAV")]
    pub files: Vec<PathBuf>,
    /// Hold the dialogue so often.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub runs: u32,
    /// Questions of a dialogue: fewer than there are files, or more, then they are asked again.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub turns: Option<u32>,
    /// One JSON object with all figures.
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// The targets as a table for a document.
    #[arg(long)]
    pub markdown: bool,
    /// Ask the peers of benches/peers the same questions in turn, and measure the targets.
    #[arg(long)]
    pub compare: bool,
    /// Measure the targets; those that need a peer stay open.
    #[arg(long)]
    pub targets: bool,
    /// Show an earlier result (of --json) without measuring anything.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["compare", "targets", "timeline"])]
    pub render: Option<PathBuf>,
    /// Only these targets, as P5,P8.
    #[arg(long, value_name = "IDS", value_delimiter = ',', value_parser = PossibleValuesParser::new(IDS))]
    pub only: Vec<String>,
    /// Draw the course of the typical turn.
    #[arg(long, value_name = "OUT.svg")]
    pub timeline: Option<PathBuf>,
    /// The Python interpreter that has the peers; without it that of the checkout (scripts/bench-peers makes it).
    #[arg(long, value_name = "FILE")]
    pub python: Option<PathBuf>,
    /// The folder of the peers' scripts; without it that of the checkout.
    #[arg(long, value_name = "DIR")]
    pub peers: Option<PathBuf>,
    /// What this program does as a child of its own bench.
    #[arg(long, hide = true)]
    pub part: Option<part::Part>,
}

/// Runs it.
pub fn run(context: Context, args: &Bench, terminal: &mut Terminal) -> Exit {
    context.notices.iter().for_each(|notice| terminal.error(notice));
    let overrides = &context.overrides;
    let config = setup::deterministic(context.config, overrides.temperature.is_some(), overrides.noise.is_some());
    if let Some(part) = args.part {
        return if part::run(part, &config) { Exit::Good } else { Exit::Failed };
    }
    if let Some(file) = &args.render {
        return match earlier(file) {
            Ok(report) => show(&report, args, terminal),
            Err(sentence) => failed(sentence, terminal),
        };
    }
    let clips = match clips(args) {
        Ok(clips) => clips,
        Err(problem) => {
            terminal.error(&problem);
            return Exit::Failed;
        }
    };
    let (python, peers) = (program(args.python.as_deref(), PYTHON), program(args.peers.as_deref(), PEERS));
    if args.compare {
        terminal.note(&format!("the peers in {} are run by {}", peers.display(), python.display()));
    }
    // A person's voice: a folder with a random name that only its owner can enter, gone at the end.
    let folder = tempfile::Builder::new().prefix("hark-bench-").tempdir();
    let folder = folder.map_err(|error| format!("A folder for the questions cannot be made: {}.", crate::error::reason(&error)));
    let result = folder.and_then(|folder| {
        let clips = store(&clips, folder.path())?;
        let plan = Plan {
            clips,
            runs: args.runs,
            compare: args.compare,
            targets: args.compare || args.targets,
            only: args.only.iter().cloned().collect(),
            python,
            peers,
            program: std::env::current_exe().ok().map(|program| (program, own_arguments())),
            config,
        };
        report::run(&plan, super::args::VERSION, args.timeline.as_deref(), &mut |note| terminal.note(note))
    });
    match result {
        Ok(report) => show(&report, args, terminal),
        Err(sentence) => failed(sentence, terminal),
    }
}

/// What is run: what a person named, else what lies in the checkout of this program. Never what lies in the working folder.
fn program(named: Option<&Path>, in_checkout: &str) -> PathBuf {
    let path = named.map(Path::to_owned).or_else(|| trusted::checkout().map(|checkout| checkout.join(in_checkout)));
    path.and_then(|path| std::path::absolute(path).ok()).unwrap_or_else(|| Path::new("/nowhere").join(in_checkout))
}

fn failed(sentence: String, terminal: &mut Terminal) -> Exit {
    terminal.error(&StageError::new(Stage::Desktop, Severity::Turn, sentence, ""));
    Exit::Failed
}

fn earlier(file: &Path) -> Result<Value, String> {
    let text = files::read_text(file, LARGEST_REPORT)
        .map_err(|error| format!("{} cannot be read: {}.", file.display(), crate::error::reason(&error)))?;
    let report: Value = serde_json::from_str(&text).map_err(|_| format!("{} is no result of hark bench --json.", file.display()))?;
    if report["figures"].is_object() { Ok(report) } else { Err(format!("{} is no result of hark bench --json.", file.display())) }
}

fn show(report: &Value, args: &Bench, terminal: &mut Terminal) -> Exit {
    let shown = if args.json {
        terminal.json(&format_args!("{report:#}"))
    } else {
        terminal.line(&if args.markdown { report::markdown(report) } else { report::table(report) })
    };
    match shown {
        Ok(()) => Exit::Good,
        Err(error) => {
            terminal.lost(&error);
            Exit::Failed
        }
    }
}

/// What this process was called with, for children that load the same models.
fn own_arguments() -> Vec<OsString> {
    std::env::args_os().skip(1).collect()
}

/// The dialogue: the files given, or the starter questions; cut or repeated to the number of turns.
fn clips(args: &Bench) -> Result<Vec<(String, Pcm16k)>, StageError> {
    let files = if args.files.is_empty() { questions() } else { args.files.clone() };
    if files.is_empty() {
        let message = format!("There is no recorded question in {QUESTIONS}.");
        return Err(StageError::new(Stage::Stt, Severity::Turn, message, "Give WAV files; recorded questions come with the sources only."));
    }
    let turns = args.turns.map_or(files.len(), |turns| turns as usize);
    let name = |file: &PathBuf| file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let one = |file: &PathBuf| engines::read_audio(file).map(|pcm| (name(file), pcm));
    let read: Vec<_> = files.iter().take(turns).map(one).collect::<Result<_, _>>()?;
    Ok(read.iter().cycle().take(turns).cloned().collect())
}

fn questions() -> Vec<PathBuf> {
    let folder = trusted::checkout().map(|checkout| checkout.join(QUESTIONS));
    let entries = folder.and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().filter_map(Result::ok);
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "wav")).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Cli, Command};
    use clap::Parser;

    fn parse(line: &[&str]) -> Result<Bench, clap::Error> {
        match Cli::try_parse_from(["hark", "bench"].iter().chain(line))?.command {
            Some(Command::Bench(bench)) => Ok(bench),
            _ => unreachable!("not bench"),
        }
    }

    #[test]
    fn the_arguments_are_what_the_help_says() {
        let bench = parse(&["a.wav", "--runs", "7", "--only", "P5,P8", "--compare", "--json", "--timeline", "t.svg"]).unwrap();
        assert_eq!((bench.runs, bench.only.len(), bench.compare, bench.json), (7, 2, true, true));
        assert_eq!((bench.files.len(), bench.part), (1, None));
        assert_eq!(parse(&["--part", "floor"]).unwrap().part, Some(part::Part::Floor));
        for line in [&["--runs", "0"][..], &["--only", "P13"], &["--json", "--markdown"], &["--part", "roof"], &["--turns", "0"]] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line:?}");
        }
    }

    #[test]
    fn an_earlier_result_is_shown_without_measuring() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("r.json");
        std::fs::write(&file, r#"{"figures": {}, "targets": {"P3": {"p50": 0.3, "met": true}}}"#).unwrap();
        let mut terminal = Terminal::to_memory();
        let args = parse(&["--render", file.to_str().unwrap(), "--markdown"]).unwrap();
        assert_eq!(show(&earlier(&file).unwrap(), &args, &mut terminal), Exit::Good);
        assert!(terminal.memory().0.contains("| P3 | first sound after"), "{}", terminal.memory().0);
        std::fs::write(&file, "{}").unwrap();
        assert!(earlier(&file).is_err() && earlier(&dir.path().join("none")).is_err());
    }

    #[test]
    fn programs_are_those_that_were_named_or_of_the_checkout_and_never_of_the_working_folder() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(program(None, PYTHON), here.join(PYTHON));
        assert_eq!(program(Some(Path::new("/usr/bin/python3")), PYTHON), Path::new("/usr/bin/python3"));
        let plain = parse(&["--compare"]).unwrap();
        assert_eq!((plain.python, plain.peers), (None, None), "no default that depends on where one is");
    }

    #[test]
    fn the_starter_questions_are_the_dialogue_and_turns_cut_or_repeat_it() {
        assert_eq!(clips(&parse(&[]).unwrap()).unwrap().len(), 10);
        let names: Vec<String> = clips(&parse(&["--turns", "12"]).unwrap()).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!((names.len(), &names[0], &names[10]), (12, &"q01-slt.wav".to_owned(), &"q01-slt.wav".to_owned()));
        assert_eq!(clips(&parse(&["--turns", "2"]).unwrap()).unwrap().len(), 2);
        assert!(clips(&parse(&["nowhere.wav"]).unwrap()).is_err());
    }
}
