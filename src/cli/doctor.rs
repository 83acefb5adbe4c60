//! `hark doctor`: what is there, what is missing, what to do. It changes nothing.

use super::args::Listing;
use super::engines::{self, DeviceRow};
use super::terminal::Terminal;
use super::window::has_display;
use super::{Context, Exit};
use crate::assistant::planner;
use crate::config::{EngineSet, VoiceChoice, load};
use crate::error::StageError;
use crate::llm::{ChatOptions, FlashAttention, measured};
use crate::models::policy::{Plan, Reason};
use crate::models::store::{self, ModelEntry};
use crate::platform::cpu::default_threads;
use crate::platform::power::Power;
use crate::platform::sandbox::{self, Walls};
use crate::platform::trusted;
use crate::printable::one_line;
use std::io;
use std::path::Path;

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is there and in order.
    Ok,
    /// It is not there or not in order.
    Missing,
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Check {
    /// What was looked at.
    pub check: String,
    /// How it is.
    pub state: State,
    /// Without it no question can be answered.
    pub needed: bool,
    /// What was found.
    pub found: String,
    /// What to do; empty when there is nothing to do.
    pub hint: String,
}

impl Check {
    fn new(check: &str, needed: bool, result: Result<String, StageError>) -> Check {
        let check = check.to_owned();
        match result {
            Ok(found) => Check { check, state: State::Ok, needed, found, hint: String::new() },
            Err(problem) => Check { check, state: State::Missing, needed, found: problem.message, hint: problem.hint },
        }
    }

    fn missing(check: &str, needed: bool, found: impl Into<String>, hint: &str) -> Check {
        Check { check: check.to_owned(), state: State::Missing, needed, found: found.into(), hint: hint.to_owned() }
    }

    fn ok(check: &str, needed: bool, found: impl Into<String>) -> Check {
        Check { check: check.to_owned(), state: State::Ok, needed, found: found.into(), hint: String::new() }
    }
}

/// Runs it.
pub fn run(context: &Context, args: &Listing, terminal: &mut Terminal) -> Exit {
    let checks = checks(context);
    match show(&checks, args.json, terminal) {
        Ok(()) => verdict(&checks),
        Err(error) => {
            terminal.lost(&error);
            Exit::Failed
        }
    }
}

fn verdict(checks: &[Check]) -> Exit {
    if checks.iter().any(|check| check.needed && check.state == State::Missing) { Exit::Failed } else { Exit::Good }
}

fn show(checks: &[Check], json: bool, terminal: &mut Terminal) -> io::Result<()> {
    for check in checks {
        if json {
            terminal.json(&serde_json::to_value(check).map_err(io::Error::other)?)?;
            continue;
        }
        let state = match (check.state, check.needed) {
            (State::Ok, _) => "ok     ",
            (State::Missing, true) => "MISSING",
            (State::Missing, false) => "missing",
        };
        terminal.line(&format!("{state}  {:<16} {}", check.check, one_line(&check.found)))?;
        if !check.hint.is_empty() {
            terminal.line(&format!("{:27}→ {}", "", one_line(&check.hint)))?;
        }
    }
    if !json {
        terminal.line(match verdict(checks) {
            Exit::Good => "Everything that is needed is there.",
            _ => "Something that is needed is missing; see MISSING above.",
        })?;
    }
    Ok(())
}

fn checks(context: &Context) -> Vec<Check> {
    let config = &context.config;
    let mut checks = vec![Check::new("processor", true, engines::check_cpu())];
    let folders = context.surroundings.model_folders(context.overrides.models.as_deref(), context.settings.models.folder.as_deref());
    let (inventory, rejected) = store::survey(&folders);
    let fake = config.engines == EngineSet::Fake;
    let hint = "Put a ggml whisper file into the models folder, or choose one with --stt FILE.";
    let used = config.stt_model.as_deref();
    models(&mut checks, "speech model", used, &inventory.stt, !fake, hint, &engines::check_stt_model);
    let hint = "Run scripts/setup for the starter model, put a GGUF file into the models folder, or choose one with --chat FILE.";
    let used = config.chat_model.as_deref();
    models(&mut checks, "chat model", used, &inventory.chat, !fake, hint, &engines::check_chat_model);
    checks.extend(chat_threads(&config.chat, used));
    voices(&mut checks, config, &inventory.voices, fake);
    checks.extend(plan(&planner::plan_now(config)));
    let reason =
        |file: &store::Rejected| Check::missing("model file", false, format!("{}: {}", file.path.display(), file.reason), "Copy it again.");
    checks.extend(rejected.iter().map(reason));
    let there: Vec<String> = folders.iter().filter(|folder| folder.is_dir()).map(|folder| folder.display().to_string()).collect();
    checks.push(if there.is_empty() {
        let user = context.surroundings.user_models_dir().unwrap_or_else(|| "models".into());
        Check::missing("model folders", false, "None exists.", &format!("Make {} and put models into it.", user.display()))
    } else {
        Check::ok("model folders", false, there.join(", "))
    });
    checks.extend(folders.iter().filter(|folder| folder.is_dir()).filter_map(|folder| open_to_others(folder)));
    checks.push(walls(sandbox::possible()));
    devices(&mut checks);
    desktop(&mut checks, &context.settings.window.hotkey);
    settings_file(&mut checks, context.settings_file.as_deref());
    checks
}

/// What keeps a hostile model from doing harm where it is tried out.
fn walls(walls: Walls) -> Check {
    let (found, hint) = match (walls.files, walls.calls) {
        (true, true) => return Check::ok("sandbox", false, "models are tried without network, other programs and other files"),
        (false, true) => {
            ("Models are tried without network and other programs, but can read files.", "Landlock needs Linux 5.13 or later.")
        }
        (true, false) => ("Models are tried without other files, but can open a network connection.", "This system has no seccomp."),
        (false, false) => ("Models are tried with all of your rights.", "Take models only from those whom you trust."),
    };
    Check::missing("sandbox", false, found, hint)
}

/// A model is believed like a program until its own sandbox is there, and its pages are read while it works.
fn open_to_others(folder: &Path) -> Option<Check> {
    let why = trusted::doubt(folder)?;
    let found = format!("Somebody else can exchange the models in {}: {why}.", folder.display());
    Some(Check::missing("model folder", false, found, "Keep models where only you can write."))
}

/// The model in use is needed; what is wrong with others is only said.
fn models(
    checks: &mut Vec<Check>,
    name: &str,
    used: Option<&Path>,
    all: &[ModelEntry],
    needed: bool,
    hint: &str,
    check: &dyn Fn(&ModelEntry) -> Result<(), StageError>,
) {
    let Some(used) = used else {
        checks.push(Check::missing(name, needed, "None was found.", hint));
        return;
    };
    let one = |entry: &ModelEntry, needed| Check::new(name, needed, check(entry).map(|()| describe(entry)));
    checks.push(one(&store::entry(used), needed));
    checks.extend(all.iter().filter(|entry| entry.path != used).map(|entry| one(entry, false)));
}

/// What was measured for the chat model, and what is used.
fn chat_threads(chat: &ChatOptions, model: Option<&Path>) -> Option<Check> {
    let of = measured::Identity::of(model?)?;
    let found = chat.cache.as_deref().and_then(|folder| measured::recall(folder, &of));
    let measured = match found {
        Some(m) => format!(
            "measured on this machine: {} to write ({:.1} ms a token), {} to read (64 tokens in {:.0} ms), flash attention {}",
            threads(m.decode_threads),
            m.decode_ms,
            threads(m.prompt_threads),
            m.prompt_ms,
            if m.flash_attention { "on" } else { "off" },
        ),
        None => "not measured yet (it is when Hark runs and the machine is quiet for some seconds)".to_owned(),
    };
    let used = match (chat.threads, found) {
        (0, Some(_)) => "; fewer are used while other work needs the cores".to_owned(),
        (0, None) => format!("; until then {}", threads(default_threads(usize::try_from(of.cores).unwrap_or(1)))),
        (fixed, _) => format!("; the settings or the command line say {}", threads(fixed)),
    };
    let flash = match chat.flash_attention {
        FlashAttention::Auto => "",
        FlashAttention::On => "; the settings say flash attention on",
        FlashAttention::Off => "; the settings say flash attention off",
    };
    Some(Check::ok("chat threads", false, format!("{measured}{used}{flash}")))
}

/// What memory and battery make of it: what would be used now, and why.
fn plan(plan: &Plan) -> Vec<Check> {
    let gb = |bytes: u64| format!("{:.1} GB", bytes as f64 / 1e9);
    let free = plan.free_bytes.map_or_else(|| "the system does not say what is free".to_owned(), |free| format!("{} are free", gb(free)));
    let short = plan.reasons.iter().find(|reason| !reason.hint().is_empty() && !matches!(reason, Reason::Battery { .. }));
    let found = format!("the engines need about {}, {free}", gb(plan.need_bytes));
    let memory = match short {
        None => Check::ok("memory", false, found),
        Some(reason) => Check::missing("memory", false, format!("{found}; {}", reason.sentence()), reason.hint()),
    };
    let power = match plan.power {
        None => "no battery was found".to_owned(),
        Some(Power::Mains) => "on mains".to_owned(),
        Some(Power::Battery) => {
            plan.reasons.iter().filter(|r| matches!(r, Reason::Battery { .. } | Reason::BatteryIgnored)).map(Reason::sentence).collect()
        }
    };
    vec![memory, Check::ok("power", false, power)]
}

fn threads(n: u32) -> String {
    if n == 1 { "1 thread".to_owned() } else { format!("{n} threads") }
}

fn voices(checks: &mut Vec<Check>, config: &crate::config::Config, all: &[ModelEntry], fake: bool) {
    let vits = match &config.voice {
        VoiceChoice::Vits(path) => Some(path.as_path()),
        VoiceChoice::Espeak(_) => None,
    };
    if vits.is_some() {
        models(checks, "voice", vits, all, !fake, "", &engines::check_voice_file);
    } else {
        checks.extend(all.iter().map(|entry| Check::new("voice", false, engines::check_voice_file(entry).map(|()| describe(entry)))));
    }
    let runtime = engines::onnx_runtime().map(|path| format!("{} (not loaded for this look)", path.display()));
    checks.push(Check::new("ONNX Runtime", vits.is_some() && !fake, runtime));
    // Piper voices take their phonemes from it, so it is needed either way.
    checks.push(Check::new("espeak-ng", !fake, espeak(&config.voice)));
}

fn espeak(voice: &VoiceChoice) -> Result<String, StageError> {
    use crate::error::{Severity, Stage};
    let languages = engines::espeak_languages()?;
    match voice {
        VoiceChoice::Espeak(chosen) if !languages.contains(chosen) => Err(StageError::new(
            Stage::Tts,
            Severity::Stage,
            format!("espeak-ng has no voice for \"{chosen}\"."),
            "Choose another with --voice espeak:LANG, for example espeak:en-us.",
        )),
        VoiceChoice::Espeak(chosen) => Ok(format!("speaks {chosen}, one of {} languages", languages.len())),
        VoiceChoice::Vits(_) => Ok(format!("{} languages", languages.len())),
    }
}

fn devices(checks: &mut Vec<Check>) {
    let rows = match engines::devices() {
        Ok(rows) => rows,
        Err(problem) => {
            checks.push(Check::new("microphone", false, Err(problem.clone())));
            checks.push(Check::new("speaker", false, Err(problem)));
            return;
        }
    };
    let typing = "Plug one in; typing and --wav work without it.";
    let reading = "Plug one in; answers are shown as text and --out writes them without it.";
    for (name, rows, hint) in [("microphone", rows.microphones, typing), ("speaker", rows.speakers, reading)] {
        let named = |row: &DeviceRow| if row.default { format!("{} (default)", row.name) } else { row.name.clone() };
        checks.push(if rows.is_empty() {
            Check::missing(name, false, "None was found.", hint)
        } else {
            Check::ok(name, false, rows.iter().map(named).collect::<Vec<_>>().join(", "))
        });
    }
}

fn desktop(checks: &mut Vec<Check>, key: &str) {
    let display = has_display();
    checks.push(if display {
        Check::ok("display", false, "there")
    } else {
        Check::missing("display", false, "None was found.", "Start it in a desktop session for the window; hark ask works without.")
    });
    checks.push(match (display, key.trim()) {
        (_, "") => Check::ok("global key", false, "switched off in the settings"),
        (false, _) => Check::missing("global key", false, "It needs a display.", ""),
        (true, key) => Check::new("global key", false, engines::global_key(key).map(|()| key.to_owned())),
    });
}

fn settings_file(checks: &mut Vec<Check>, file: Option<&Path>) {
    let Some(file) = file else {
        let found = "This user has no home folder, so choices are not kept.";
        checks.push(Check::missing("settings file", false, found, "Set HARK_CONFIG_DIR to a folder."));
        return;
    };
    let loaded = load::read(file);
    if loaded.notices.is_empty() {
        let state = if file.exists() { "" } else { " (not there yet, the defaults are used)" };
        checks.push(Check::ok("settings file", false, format!("{}{state}", file.display())));
    }
    let notice = |notice: &StageError| Check::missing("settings file", false, notice.message.clone(), &notice.hint);
    checks.extend(loaded.notices.iter().map(notice));
}

/// `ggml-base.bin, 147 MB, starter model`
fn describe(entry: &ModelEntry) -> String {
    let kind = if entry.starter { ", starter model" } else { "" };
    format!("{}, {:.1} MB{kind}", entry.path.display(), entry.bytes as f64 / 1.0e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Severity, Stage};

    fn entry(path: &str) -> ModelEntry {
        ModelEntry { path: path.into(), name: path.into(), bytes: 2_500_000, starter: false, languages: Vec::new(), terms: None }
    }

    fn bad(_: &ModelEntry) -> Result<(), StageError> {
        Err(StageError::new(Stage::Stt, Severity::Stage, "It is cut.", "Copy it again."))
    }

    #[test]
    fn a_model_that_is_not_used_may_be_broken_and_the_used_one_may_not() {
        let all = [entry("/a.bin"), entry("/b.bin")];
        let only_b = |model: &ModelEntry| if model.path == Path::new("/b.bin") { bad(model) } else { Ok(()) };
        let mut checks = Vec::new();
        models(&mut checks, "speech model", Some(Path::new("/a.bin")), &all, true, "", &only_b);
        assert_eq!(checks.iter().map(|check| check.state).collect::<Vec<_>>(), [State::Ok, State::Missing]);
        assert_eq!(verdict(&checks), Exit::Good);
        models(&mut checks, "speech model", Some(Path::new("/b.bin")), &all, true, "", &only_b);
        assert_eq!(verdict(&checks), Exit::Failed);
    }

    #[test]
    fn what_was_measured_is_told_and_what_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("chat.gguf");
        std::fs::write(&model, b"GGUF").unwrap();
        let options = |threads| ChatOptions { threads, cache: Some(folder.path().to_owned()), ..ChatOptions::default() };
        let told = |threads| chat_threads(&options(threads), Some(&model)).unwrap().found;
        assert!(told(0).starts_with("not measured yet") && told(0).contains("; until then "), "{}", told(0));
        let found = measured::Measured { decode_threads: 1, prompt_threads: 2, flash_attention: true, decode_ms: 12.34, prompt_ms: 210.4 };
        measured::store(folder.path(), &measured::Identity::of(&model).unwrap(), found);
        let expected = "measured on this machine: 1 thread to write (12.3 ms a token), 2 threads to read (64 tokens in 210 ms), \
                        flash attention on; fewer are used while other work needs the cores";
        assert_eq!(told(0), expected);
        assert!(told(3).ends_with("; the settings or the command line say 3 threads"), "{}", told(3));
        assert_eq!(chat_threads(&options(0), None), None);
    }

    #[test]
    fn no_model_at_all_says_where_to_put_one() {
        let mut checks = Vec::new();
        models(&mut checks, "chat model", None, &[], true, "Put one there.", &bad);
        assert_eq!(checks, [Check::missing("chat model", true, "None was found.", "Put one there.")]);
        assert_eq!(verdict(&checks), Exit::Failed);
    }

    #[test]
    #[cfg(unix)]
    fn a_folder_that_others_can_write_is_told() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(open_to_others(folder.path()), None);
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        assert!(open_to_others(folder.path()).unwrap().found.contains("can be written by others"));
    }

    #[test]
    fn the_list_can_be_read_by_people_and_by_programs() {
        let checks = [Check::ok("processor", true, "fine"), Check::missing("speaker", false, "None was found.", "Plug one in.")];
        let mut terminal = Terminal::to_memory();
        show(&checks, false, &mut terminal).unwrap();
        let text = terminal.memory().0;
        assert!(text.contains("ok       processor        fine\nmissing  speaker          None was found.\n"), "{text}");
        assert!(text.ends_with("→ Plug one in.\nEverything that is needed is there.\n"), "{text}");
        let mut terminal = Terminal::to_memory();
        show(&checks, true, &mut terminal).unwrap();
        let expected = r#"{"check":"speaker","state":"missing","needed":false,"found":"None was found.","hint":"Plug one in."}"#;
        assert_eq!(terminal.memory().0.lines().nth(1), Some(expected));
    }

    #[test]
    fn a_broken_settings_file_is_told_and_left_where_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("settings.toml");
        std::fs::write(&file, "[[[").unwrap();
        let mut checks = Vec::new();
        settings_file(&mut checks, Some(&file));
        assert_eq!((checks.len(), checks[0].state, checks[0].needed), (1, State::Missing, false));
        assert!(file.exists());
    }
}
