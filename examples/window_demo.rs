//! The window with a host that plays a part, to look at it without models or devices:
//! `cargo run --release --example window_demo -- PHASE THEME ZOOM LANGUAGE narrow|wide [typing|settings]`
//! where PHASE is idle, welcome, loading, listening, hearing, thinking, speaking, nothing, fault, answered, interrupted or long.

use crossbeam_channel::{Receiver, bounded};
use hark::audio::level::{Level, Levels};
use hark::config::settings::{Settings, ThemeChoice, UiLanguage};
use hark::error::{Severity, Stage, StageError};
use hark::event::{Event, Phase, StageStatus, Timing, TurnEnd, UserAction};
use hark::fakes::models::FakeModels;
use hark::models::manager::{Manager, ManagerCommand, ManagerEvent, ManagerSink};
use hark::models::store::{Inventory, ModelEntry};
use hark::stt::{EngineInfo, Words};
use hark::turn::TurnId;
use hark::ui::app::{Host, run};
use hark::ui::models::Used;
use std::path::PathBuf;
use std::sync::Arc;

struct Demo {
    events: Vec<Event>,
    levels: Arc<Levels>,
    first_run: bool,
    model_events: Receiver<ManagerEvent>,
    manager: Option<Manager>,
}

impl Host for Demo {
    fn act(&mut self, action: UserAction) {
        println!("{action:?}");
        let phase = match action {
            UserAction::PttPressed => Phase::Listening,
            UserAction::PttReleased | UserAction::SubmitText(_) => Phase::Thinking,
            UserAction::Cancel => Phase::Idle,
            _ => return,
        };
        self.events.push(Event::Phase(TurnId(90), phase));
    }
    fn drain(&mut self, into: &mut Vec<Event>) {
        into.append(&mut self.events);
    }
    fn levels(&self) -> Arc<Levels> {
        Arc::clone(&self.levels)
    }
    fn save(&mut self, settings: &Settings) -> Result<(), StageError> {
        println!("{:?}", settings.window);
        Ok(())
    }
    fn models(&mut self) -> Inventory {
        self.inventory()
    }

    fn inventory(&mut self) -> Inventory {
        let model = |name: &str, bytes| ModelEntry {
            path: PathBuf::from(name),
            name: name.into(),
            bytes,
            starter: false,
            languages: Vec::new(),
            terms: None,
        };
        Inventory {
            stt: vec![model("ggml-base.en", 147_951_465), model("starter-en", 5_100_000)],
            chat: vec![model("qwen3-4b-instruct-q4_k_m", 2_497_281_120), model("smollm2-135m-instruct", 98_362_432)],
            voices: vec![model("en_US-lessac-medium", 63_201_294)],
            espeak_languages: vec!["en-us".into(), "cmn".into(), "de".into()],
            microphones: vec!["Built-in Audio Analog Stereo".into(), "USB headset".into()],
            speakers: vec!["Built-in Audio Analog Stereo".into()],
        }
    }
    fn models_folder(&self) -> PathBuf {
        std::env::temp_dir().join("hark-demo-models")
    }
    fn set_hotkey(&mut self, _combination: &str) -> Result<(), StageError> {
        Ok(())
    }
    fn manage(&mut self, command: ManagerCommand) -> Result<(), StageError> {
        self.manager.as_mut().map_or(Ok(()), |manager| manager.send(command))
    }
    fn drain_models(&mut self, into: &mut Vec<ManagerEvent>) {
        into.extend(self.model_events.try_iter());
    }
    fn models_changed(&mut self) {}
    fn used(&self) -> Used {
        Used { stt: Some("starter-en".into()), chat: Some("smollm2-135m-instruct".into()), voice: None }
    }
    fn first_run(&self) -> bool {
        self.first_run
    }
}

fn stages(missing_microphone: bool) -> Vec<Event> {
    let ready = |engine: &str, name: &str, starter| StageStatus::Ready(EngineInfo { engine: engine.into(), name: name.into(), starter });
    let microphone = if missing_microphone {
        let error = StageError::new(
            Stage::Capture,
            Severity::Stage,
            "No microphone was found.",
            "Plug one in or choose another in the settings; typing works meanwhile.",
        );
        StageStatus::Unavailable(error)
    } else {
        ready("alsa", "Built-in Audio Analog Stereo", false)
    };
    vec![
        Event::Status(Stage::Capture, microphone),
        Event::Status(Stage::Stt, ready("whisper.cpp", "starter-en", true)),
        Event::Status(Stage::Llm, ready("llama.cpp", "SmolLM2 135M", true)),
        Event::Status(Stage::Tts, ready("espeak-ng", "espeak en-us", false)),
        Event::Status(Stage::Playback, ready("alsa", "Built-in Audio", false)),
    ]
}

fn user(turn: u64, text: &str) -> Event {
    Event::UserText { turn: TurnId(turn), text: text.into(), language: "en".into(), confidence: 0.93 }
}

fn answered(turn: u64, question: &str, answer: &str) -> Vec<Event> {
    let t = TurnId(turn);
    let timing = Timing {
        stt_ms: Some(121.0),
        first_token_ms: Some(236.0),
        first_clause_ms: Some(355.0),
        first_audio_ms: Some(421.0),
        tokens: 38,
        tokens_per_s: 41.2,
        ..Timing::default()
    };
    vec![
        user(turn, question),
        Event::ReplyDelta(t, answer.into()),
        Event::Timing(t, timing),
        Event::ReplyFinal { turn: t, text: answer.into(), heard_bytes: answer.len() },
        Event::TurnEnded(t, TurnEnd::Answered),
    ]
}

const PARIS: &str = "The capital of France is **Paris**. It lies on the Seine, and about two million people live there.";
const CODE: &str = "Of course. This prints the numbers from one to three:\n\n```python\nfor n in range(1, 4):\n    print(n)\n```\n\nThree things to know:\n\n- `range` stops *before* its end\n- the block is indented\n- there is no semicolon";

fn script(phase: &str) -> Vec<Event> {
    let mut events = if phase == "loading" { stages(false)[..2].to_vec() } else { stages(phase == "fault") };
    if phase == "loading" {
        events.push(Event::Status(Stage::Llm, StageStatus::Loading));
        return events;
    }
    let t = TurnId(3);
    if !matches!(phase, "idle" | "fault") {
        events.extend(answered(1, "What is the capital of France?", PARIS));
    }
    let question = "And how do I count to three in Python?";
    match phase {
        "listening" => {
            events.extend([
                Event::Phase(t, Phase::Listening),
                Event::PartialText(t, Words { certain: "And how do I".into(), uncertain: "count".into() }),
            ]);
        }
        "hearing" => events.extend([
            Event::Phase(t, Phase::Transcribing),
            Event::PartialText(t, Words { certain: question.into(), uncertain: String::new().into() }),
        ]),
        "thinking" => events.extend([user(3, question), Event::Phase(t, Phase::Thinking), Event::ThinkingDelta(t, "A loop.".into())]),
        "speaking" => {
            let text = "Count with a loop. Start at one, and stop after three: in Python the end of a range is not part of it. Shall I show you the code?";
            let clause = "Start at one, and stop after three:";
            let start = text.find(clause).unwrap_or(0);
            events.extend([
                user(3, question),
                Event::Phase(t, Phase::Thinking),
                Event::ReplyDelta(t, text.into()),
                Event::Phase(t, Phase::Speaking),
                Event::ClauseStarted { turn: t, seq: 1, text: clause.into(), range: (start, start + clause.len()) },
            ]);
        }
        "nothing" => {
            events.extend([Event::Phase(t, Phase::Listening), Event::TurnEnded(t, TurnEnd::NothingHeard), Event::Phase(t, Phase::Idle)])
        }
        "answered" => events.extend(answered(3, question, CODE)),
        "interrupted" => events.extend([
            user(3, question),
            Event::ThinkingDelta(t, "They want to count. A loop with range is the shortest way.".into()),
            Event::ReplyFinal {
                turn: t,
                text: "Count with a loop. Start at one, and stop after three: in Python the end of a range is not part of it.".into(),
                heard_bytes: 54,
            },
            Event::TurnEnded(t, TurnEnd::Cancelled),
            Event::Notice(
                t,
                StageError::new(
                    Stage::Tts,
                    Severity::Stage,
                    "The voice models/en.onnx cannot be used: it ends in the middle of a tensor.",
                    "Choose another voice with --voice or in the settings; if it was copied or downloaded, do that again.",
                ),
            ),
        ]),
        "long" => (4..60).for_each(|n| events.extend(answered(n, question, if n % 2 == 0 { CODE } else { PARIS }))),
        _ => {}
    }
    if !matches!(phase, "listening" | "hearing" | "thinking" | "speaking") {
        events.push(Event::Phase(t, Phase::Idle));
    }
    events
}

/// Something like four seconds of speech: syllables at 4 Hz, words at 1 Hz.
fn speech() -> Arc<Levels> {
    let levels = Levels::default();
    for i in 0..200 {
        let t = i as f32 * 0.02;
        let syllable = 0.6 + 0.4 * (t * 3.1 * std::f32::consts::TAU).sin();
        let word = 0.5 + 0.5 * (t * 0.7 * std::f32::consts::TAU + 1.0).sin() * (t * 1.9).cos();
        let rms = 0.01 + 0.16 * syllable * word;
        let level = Level { rms, peak: (rms * 2.8 + 0.02 * (t * 9.0).cos().abs()).min(1.0) };
        levels.input.push(level);
        levels.output.push(level);
    }
    Arc::new(levels)
}

fn main() -> Result<(), String> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let arg = |n: usize, default: &str| args.get(n).cloned().unwrap_or_else(|| default.to_owned());
    let mut settings = Settings::default();
    settings.window.theme = if arg(1, "dark") == "light" { ThemeChoice::Light } else { ThemeChoice::Dark };
    settings.window.zoom = arg(2, "1").parse().unwrap_or(1.0);
    settings.window.language = if arg(3, "en").starts_with("zh") { UiLanguage::Chinese } else { UiLanguage::English };
    settings.window.size = if arg(4, "narrow") == "wide" { (1100.0, 760.0) } else { (440.0, 720.0) };
    let phase = arg(0, "idle");
    let events = script(&phase);
    run(settings, move |wake| {
        let (tx, model_events) = bounded(256);
        let manager = Manager::spawn(Arc::new(FakeModels::default()), &ManagerSink::new(tx, wake)).ok();
        Box::new(Demo { events, levels: speech(), first_run: phase == "welcome", model_events, manager })
    })
}
