//! What the dialogue cannot tell: long conversations, decoding with and without the voice, interrupts, start-up, memory,
//! idle cost, and a busy machine. Each trial returns the object of its target; what went wrong is said in `why`.

use super::child::Process;
use super::peers::Resident;
use super::plan::Plan;
use super::process;
use super::session::{Session, Silence};
use super::setup;
use super::stats::{p50, percentile, ratio, rounded, summary};
use super::targets::{open, verdict};
use crate::audio::outputs::Pace;
use crate::clock;
use crate::config::paths::{SETTINGS_FILE, cache_dir};
use crate::event::Phase;
use crate::trace::Work;
use serde_json::{Value, json};
use std::time::Duration;

/// A sentence of about ten seconds.
const TEN_SECONDS: &str = "The quick brown fox jumps over the lazy dog while the old lighthouse keeper watches the grey ships \
    sail slowly past the harbour";
/// Turns of the long conversation (P5).
const LONG: usize = 20;
/// Interrupts of each phase, at least (P8): the 99th percentile of fewer would be the maximum of a handful.
const INTERRUPTS: usize = 34;
/// The core must be idle for so long (P10).
const IDLE: Duration = Duration::from_secs(12);

fn missing(why: impl std::fmt::Display) -> Value {
    open(json!({}), &why.to_string())
}

/// P5: time to the first token at turn 20 and turn 2 of one conversation; nothing is computed twice.
pub(super) fn long_conversation(plan: &Plan, session: &Session) -> Result<Value, String> {
    let clip = &plan.clips[0].pcm;
    let (mut second, mut last, mut again) = (Vec::new(), Vec::new(), 0u32);
    // One sample each was 1.3 or 2.0, as it happened.
    for _ in 0..plan.runs.clamp(3, 5) {
        session.new_conversation()?;
        let mut before = 0u32;
        for turn in 1..=LONG {
            let done = session.ask(clip)?;
            let prompt: f64 = done.timeline.spans.iter().filter(|span| span.work == Work::Prompt).map(|span| span.ms()).sum();
            let timing = &done.timing;
            // The prompt of the turn before was computed; none of it may be computed again.
            again += before.saturating_sub(timing.cached_tokens);
            before = timing.cached_tokens + timing.prefilled_tokens;
            match turn {
                2 => second.push(prompt),
                LONG => last.push(prompt),
                _ => {}
            }
        }
    }
    let figure = ratio(p50(&last), p50(&second));
    let figures = json!({"turn_2_ms": p50(&second).map(rounded), "turn_20_ms": p50(&last).map(rounded),
                         "ratio": figure.map(rounded), "tokens_computed_again": again});
    Ok(verdict(figures, figure.map(|ratio| ratio <= 1.15 && again == 0)))
}

/// P6: tokens per second with the voice silent, and while it synthesises, against the engine called bare.
pub(super) fn decoding(plan: &Plan, session: &Session) -> Result<Value, String> {
    let mut floor = Resident::floor(plan)?;
    let (mut silent, mut spoken, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    let mut muted = plan.config.clone();
    muted.mute = true;
    for run in 0..plan.runs.max(3) {
        let clip = &plan.clips[run as usize % plan.clips.len()];
        session.new_conversation()?;
        floor.forget()?;
        session.configure(muted.clone());
        let turn = session.ask(&clip.pcm)?;
        let question = turn.text.clone();
        silent.push(turn.timing.tokens_per_s);
        bare.push(floor.write(&question)?);
        session.new_conversation()?;
        session.configure(plan.config.clone());
        spoken.push(session.ask(&clip.pcm)?.timing.tokens_per_s);
    }
    floor.finish();
    let alone = ratio(p50(&silent), p50(&bare));
    let with_voice = ratio(p50(&spoken), p50(&bare));
    let figures = json!({"bare_tokens_per_s": summary(&bare), "silent_tokens_per_s": summary(&silent),
                         "speaking_tokens_per_s": summary(&spoken), "silent_ratio": alone.map(rounded), "speaking_ratio": with_voice.map(rounded)});
    Ok(verdict(figures, alone.zip(with_voice).map(|(alone, with_voice)| alone >= 0.98 && with_voice >= 0.80)))
}

/// P7: first sound of a long sentence against warm Piper's time for the whole of it.
pub(super) fn first_sound(plan: &Plan) -> Result<Value, String> {
    let mut floor = Resident::floor(plan)?;
    let mut warm = if plan.compare { Resident::warm(plan) } else { Err("It was measured without --compare.".to_owned()) };
    let (mut first, mut whole, mut seconds, mut gaps) = (Vec::new(), Vec::new(), 0.0, 0u64);
    for _ in 0..plan.runs.max(5) {
        let done = floor.speak(TEN_SECONDS)?;
        first.extend(done["first_ms"].as_f64());
        gaps += done["gaps"].as_u64().unwrap_or(0);
        seconds = done["audio_s"].as_f64().unwrap_or(0.0);
        let spoken = warm.as_mut().map_err(|why| why.clone()).and_then(|warm| warm.speak(TEN_SECONDS));
        match spoken {
            Ok(spoken) => whole.extend(spoken["tts_ms"].as_f64()),
            Err(why) => warm = Err(why),
        }
    }
    floor.finish();
    let figure = ratio(p50(&first), p50(&whole));
    let figures = json!({"first_sound_ms": summary(&first), "warm_piper_whole_ms": summary(&whole), "ratio": figure.map(rounded),
                         "audio_s": rounded(seconds), "replies": first.len(), "gaps": gaps});
    Ok(match (figure, warm) {
        (Some(figure), _) => verdict(figures, Some(figure <= 0.15 && gaps == 0)),
        (None, Err(why)) => open(figures, &why),
        (None, Ok(_)) => open(figures, "The peer said nothing."),
    })
}

/// P8: a press in the middle of each phase. Silence is timed where something sounded: up to the player being let go; what
/// a sound card still holds in its buffer comes on top. Where nothing sounded yet, nothing may begin to.
pub(super) fn interrupts(plan: &Plan, session: &Session) -> Result<Value, String> {
    session.room.set_pace(Pace::RealTime);
    let clip = &plan.clips[0].pcm;
    let (mut silent, mut recording) = (Vec::new(), Vec::new());
    let (mut sounded_on, mut not_recorded) = (0u32, 0u32);
    let mut phases = serde_json::Map::new();
    for (name, phase) in [("transcribing", Phase::Transcribing), ("thinking", Phase::Thinking), ("speaking", Phase::Speaking)] {
        let mut reached = 0u32;
        for number in 0..INTERRUPTS.max(plan.runs as usize) {
            // At other moments each time: 0 to 69 ms into the phase.
            let after = Duration::from_millis(number as u64 * 23 % 70);
            let interrupt = session.interrupt(clip, phase, after)?;
            reached += u32::from(interrupt.reached);
            match interrupt.silence {
                Silence::Already => {}
                Silence::After(ms) => silent.push(ms),
                Silence::Never => sounded_on += 1,
            }
            match interrupt.recording_ms {
                Some(ms) => recording.push(ms),
                None => not_recorded += 1,
            }
        }
        phases.insert(name.to_owned(), json!(reached));
    }
    session.room.set_pace(Pace::Instant);
    let (quiet, heard) = (percentile(&silent, 99.0), percentile(&recording, 99.0));
    let figures = json!({"silence_ms_p99": quiet.map(rounded), "silence_ms": summary(&silent), "recording_ms_p99": heard.map(rounded),
                         "recording_ms": summary(&recording), "interrupts_in_phase": phases, "sounded_on": sounded_on, "not_recorded": not_recorded});
    let met = quiet.zip(heard).map(|(quiet, heard)| quiet <= 60.0 && heard <= 30.0 && sounded_on == 0 && not_recorded == 0);
    Ok(verdict(figures, met))
}

/// The core in a process of its own.
struct Core(Process);

impl Core {
    fn start(plan: &Plan) -> Result<(Core, f64), String> {
        let begun = clock::now();
        let process = Process::start("Hark in another process", &mut plan.part("ready")?)?;
        let (at, _) = process.wait("ready", |_, _| {})?;
        Ok((Core(process), at.ms_since(begun)))
    }

    fn turn(&mut self, plan: &Plan, number: usize) -> Result<Value, String> {
        self.0.send(&json!({"do": "turn", "wav": plan.clips[number % plan.clips.len()].file}))?;
        Ok(self.0.wait("done", |_, _| {})?.1)
    }
}

/// P9 and P10: from the start of the program to ready, the first turn against later ones, memory, idle cost.
pub(super) fn start_and_rest(plan: &Plan) -> Result<(Value, Value), String> {
    drop(Core::start(plan)?); // the files are in the system's cache now
    let (mut ready, mut first, mut steady) = (Vec::new(), Vec::new(), Vec::new());
    let mut rest = Value::Null;
    let rounds = plan.runs.clamp(3, 10);
    for round in 0..rounds {
        let (mut core, ms) = Core::start(plan)?;
        ready.push(ms);
        // The same question each time: others are longer.
        first.extend(core.turn(plan, 0)?["first_audio_ms"].as_f64());
        let mut done = Value::Null;
        for _ in 0..3 {
            done = core.turn(plan, 0)?;
            steady.extend(done["first_audio_ms"].as_f64());
        }
        if round + 1 == rounds && plan.wants("P10") {
            rest = memory_and_idle(plan, &core, &done);
        }
        core.0.finish();
    }
    let turns = ratio(p50(&first), p50(&steady));
    let figures = json!({"ready_ms": summary(&ready), "first_turn_ms": summary(&first), "steady_turn_ms": summary(&steady),
                         "first_ratio": turns.map(rounded)});
    let met = p50(&ready).zip(turns).map(|(ready, turns)| ready <= 2000.0 && turns <= 1.3);
    Ok((verdict(figures, met), rest))
}

fn memory_and_idle(plan: &Plan, core: &Core, done: &Value) -> Value {
    let pid = core.0.id();
    let idle = idle_share(&pid);
    let (window, closed) = (window_idle(plan, true), window_idle(plan, false));
    let (files, kv) = (setup::file_bytes(&plan.config), setup::kv_bytes(&plan.config));
    let needed = files + kv.unwrap_or(0);
    let resident = done["memory"]["resident"].as_f64();
    let figure = ratio(resident, Some(needed as f64));
    let figures = json!({"resident_bytes": resident, "peak_bytes": done["memory"]["peak"], "model_bytes": files, "kv_bytes": kv,
                         "ratio": figure.map(rounded), "idle_core_percent": idle.map(rounded),
                         "idle_window_percent": window.as_ref().ok().copied().map(rounded),
                         "idle_window_microphone_closed_percent": closed.ok().map(rounded)});
    match (figure, window) {
        (Some(figure), Ok(window)) => verdict(figures, Some(figure <= 1.10 && window <= 0.3)),
        // What is too much without a window is too much with one.
        (Some(figure), Err(_)) if figure > 1.10 || idle.is_some_and(|idle| idle > 0.3) => verdict(figures, Some(false)),
        (_, Err(why)) => open(figures, &why),
        (None, _) => open(figures, "This system does not tell how much memory a process has."),
    }
}

/// Processor time of an idle process, percent of a core. What it does once after its start (computing the prompt's
/// beginning, measuring threads) is waited for, a minute and a half at most.
fn idle_share(pid: &str) -> Option<f64> {
    for _ in 0..45 {
        let before = process::cpu(pid)?.own;
        std::thread::sleep(Duration::from_secs(2));
        if process::cpu(pid)?.own - before < 0.1 {
            break;
        }
    }
    let (before, begun) = (process::cpu(pid)?, clock::now());
    std::thread::sleep(IDLE);
    let used = process::cpu(pid)?.own - before.own;
    Some(used * 100_000.0 / clock::now().ms_since(begun))
}

/// The same with the window open, where there is a screen; with the microphone kept ready, as it is
/// unless somebody changes it, or closed between two presses.
fn window_idle(plan: &Plan, ready: bool) -> Result<f64, String> {
    let Some((program, _)) = &plan.program else { return Err("It needs the program itself as another process.".to_owned()) };
    if std::env::var_os("DISPLAY").is_none() && std::env::var_os("WAYLAND_DISPLAY").is_none() {
        return Err("There is no screen here, so the idle cost of the window was not measured; that of the core was.".to_owned());
    }
    let settings = format!("[audio]\nkeep_microphone_open = {ready}\n");
    // Settings that others could change would be somebody else's wishes.
    let folder = tempfile::Builder::new().prefix("hark-bench-").tempdir();
    let folder = folder
        .and_then(|folder| std::fs::write(folder.path().join(SETTINGS_FILE), settings).map(|()| folder))
        .map_err(|error| format!("The settings of the window cannot be written: {error}."))?;
    let mut command = std::process::Command::new(program);
    command.env("HARK_CONFIG_DIR", folder.path());
    if let Some(cache) = cache_dir() {
        command.env("HARK_CACHE_DIR", cache);
    }
    for (stage, path) in setup::files(&plan.config) {
        command.arg(format!("--{stage}")).arg(path);
    }
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut window = command.spawn().map_err(|error| format!("The window could not be opened: {error}."))?;
    // The speaker is closed after 10 s.
    std::thread::sleep(Duration::from_secs(12));
    let ended = !matches!(window.try_wait(), Ok(None));
    let share = idle_share(&window.id().to_string());
    // One that has ended already cannot be ended; that is said below.
    let _ = window.kill();
    let _ = window.wait();
    match share {
        Some(share) if !ended => Ok(share),
        _ => Err("The window did not stay open, so its idle cost was not measured.".to_owned()),
    }
}

/// P12: the same question on a quiet machine and while another program keeps one core busy, in turn.
pub(super) fn busy_machine(plan: &Plan, session: &Session) -> Result<Value, String> {
    let (mut quiet, mut busy) = (Vec::new(), Vec::new());
    for run in 0..plan.runs.max(5) as usize {
        let clip = &plan.clips[run % plan.clips.len()];
        session.new_conversation()?;
        quiet.extend(session.ask(&clip.pcm)?.timing.first_audio_ms);
        session.new_conversation()?;
        let other = Process::start("a busy program", &mut plan.part("busy")?)?;
        other.wait("ready", |_, _| {})?;
        busy.extend(session.ask(&clip.pcm)?.timing.first_audio_ms);
        drop(other);
    }
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let figure = ratio(p50(&busy), p50(&quiet));
    let figures = json!({"quiet_ms": summary(&quiet), "busy_ms": summary(&busy), "ratio": figure.map(rounded), "cores": cores});
    if cores != 2 {
        return Ok(open(figures, &format!("The target is about two cores and there are {cores}.")));
    }
    Ok(verdict(figures, figure.map(|figure| figure <= 2.5)))
}

/// The object, or why there is none.
pub(super) fn settled(result: Result<Value, String>) -> Value {
    result.unwrap_or_else(missing)
}
