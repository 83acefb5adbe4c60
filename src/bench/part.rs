//! What this program does as a child of its own bench (`--part`, hidden): one JSON object a line in and out, as the peers.
//!
//! - `floor`: the three engines through their adapters, called bare, one after the other;
//! - `ready`: the whole core in a room, for start-up, memory and idle cost;
//! - `busy`: another program that keeps one core busy.

use super::process;
use super::session::Session;
use crate::assistant::registry;
use crate::audio::file;
use crate::audio::outputs::Pace;
use crate::clock;
use crate::config::Config;
use crate::llm::{ChatOptions, ChatSession};
use crate::stt::Transcriber;
use crate::tts::Synthesizer;
use crate::turn::{CancelToken, Moment, Outcome};
use serde_json::{Value, json};
use std::io::{BufRead, Write};
use std::path::Path;

/// Which part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// The engines bare.
    Floor,
    /// The core.
    Ready,
    /// A busy core.
    Busy,
}

fn say(value: &Value) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}").and_then(|()| out.flush()).map_err(|error| format!("The bench is gone: {error}."))
}

/// Works until the bench closes the input. Returns false when something failed; the bench was told.
#[must_use]
pub fn run(part: Part, config: &Config) -> bool {
    let result = match part {
        Part::Floor => floor(config),
        Part::Ready => ready(config),
        Part::Busy => busy(),
    };
    result.map_err(|why| say(&json!({"event": "error", "message": why}))).is_ok()
}

/// Takes requests until the input ends.
fn serve(mut answer: impl FnMut(&str, &Value) -> Result<Value, String>) -> Result<(), String> {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let request: Value = serde_json::from_str(&line).map_err(|error| format!("A request was not understood: {error}."))?;
        let mut done = answer(request["do"].as_str().unwrap_or_default(), &request)?;
        done["event"] = json!("done");
        say(&done)?;
    }
    Ok(())
}

/// The end of the input ends the process, whatever the threads do.
fn busy() -> Result<(), String> {
    let work = || {
        let mut value = 1u64;
        loop {
            for _ in 0..1_000_000 {
                value = value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            }
            std::hint::black_box(value);
        }
    };
    std::thread::Builder::new().name("hark-busy".to_owned()).spawn(work).map_err(|error| error.to_string())?;
    say(&json!({"event": "ready"}))?;
    serve(|_, _| Ok(json!({})))
}

fn ready(config: &Config) -> Result<(), String> {
    let session = Session::start(config.clone(), Pace::Instant)?;
    say(&json!({"event": "ready", "core_ms": session.ready_ms, "process_ms": clock::now().ms_since(Moment::default())}))?;
    serve(|request, about| match request {
        "turn" => {
            let path = about["wav"].as_str().unwrap_or_default();
            let pcm = file::read_audio_16k(Path::new(path)).map_err(|error| error.to_string())?;
            let turn = session.ask(&pcm)?;
            let memory = process::memory("self").map(|memory| json!({"resident": memory.resident, "peak": memory.peak}));
            Ok(json!({"first_audio_ms": turn.timing.first_audio_ms, "memory": memory}))
        }
        _ => Ok(json!({})),
    })?;
    session.stop();
    Ok(())
}

struct Floor<'a> {
    config: &'a Config,
    ears: Box<dyn Transcriber>,
    mind: Box<dyn ChatSession + 'a>,
    voice: Box<dyn Synthesizer>,
}

fn floor(config: &Config) -> Result<(), String> {
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let bare = ChatOptions { adapt: false, ..config.chat.clone() };
    let model = registry::chat(config)().map_err(|error| words(&error))?;
    let mut floor = Floor {
        config,
        ears: registry::transcriber(config)().map_err(|error| words(&error))?,
        mind: model.session(&bare).map_err(|error| words(&error))?,
        voice: registry::voice(config)().map_err(|error| words(&error))?,
    };
    floor.mind.prefill("", &|| false).map_err(|error| words(&error))?;
    floor.speak("Ready.", &mut || Ok(()))?;
    say(&json!({"event": "ready"}))?;
    serve(|request, about| {
        let text = about["text"].as_str().unwrap_or_default();
        let first = &mut || say(&json!({"event": "first_audio"}));
        match request {
            "turn" => floor.turn(about["wav"].as_str().unwrap_or_default(), first),
            "speak" => floor.speak(text, first),
            "write" => floor.write(text),
            "forget" => {
                floor.mind.reset();
                Ok(json!({}))
            }
            other => Err(format!("The floor does not know {other:?}.")),
        }
    })
}

type First<'a> = &'a mut dyn FnMut() -> Result<(), String>;

impl Floor<'_> {
    fn turn(&mut self, wav: &str, first: First<'_>) -> Result<Value, String> {
        let pcm = file::read_audio_16k(Path::new(wav)).map_err(|error| error.to_string())?;
        let begun = clock::now();
        let heard = self.ears.transcribe(&pcm, &self.config.stt, &CancelToken::never(), &mut |_| {}).map_err(|error| error.to_string())?;
        let Outcome::Done(heard) = heard else { return Err("The speech engine stopped.".to_owned()) };
        let stt_ms = clock::now().ms_since(begun);
        let mut done = self.write(&heard.text)?;
        let spoken = self.speak(done["reply"].as_str().unwrap_or_default(), first)?;
        for (key, value) in spoken.as_object().into_iter().flatten() {
            done[key] = value.clone();
        }
        done["stt_ms"] = json!(stt_ms);
        done["text"] = json!(heard.text);
        Ok(done)
    }

    fn write(&mut self, question: &str) -> Result<Value, String> {
        let begun = clock::now();
        let mut reply = String::new();
        let done =
            self.mind.reply(question, &CancelToken::never(), &mut |piece| reply.push_str(piece)).map_err(|error| error.to_string())?;
        let Outcome::Done(stats) = done else { return Err("The chat engine stopped.".to_owned()) };
        let llm_ms = clock::now().ms_since(begun);
        self.mind.commit(&reply).map_err(|error| error.to_string())?;
        Ok(json!({"reply": reply, "llm_ms": llm_ms, "first_token_ms": stats.first_token_ms, "tokens": stats.tokens,
                  "tokens_per_s": stats.tokens_per_second}))
    }

    /// `gaps`: how often a piece of sound came later than a speaker that began with the first one would have needed it.
    fn speak(&mut self, text: &str, first: First<'_>) -> Result<Value, String> {
        let begun = clock::now();
        let rate = f64::from(self.voice.sample_rate().max(1));
        let (mut first_ms, mut ready_s, mut gaps, mut said) = (None, 0.0, 0u32, Ok(()));
        let mut on_audio = |samples: &[f32]| {
            let at = clock::now().ms_since(begun);
            let start = *first_ms.get_or_insert_with(|| {
                said = first();
                at
            });
            if (at - start) / 1000.0 > ready_s && ready_s > 0.0 {
                gaps += 1;
            }
            ready_s += samples.len() as f64 / rate;
        };
        let never = CancelToken::never();
        self.voice.synthesize(text, &self.config.voice_options, &never, &mut on_audio).map_err(|error| error.to_string())?;
        said?;
        Ok(json!({"tts_ms": clock::now().ms_since(begun), "first_ms": first_ms, "audio_s": ready_s, "gaps": gaps}))
    }
}
