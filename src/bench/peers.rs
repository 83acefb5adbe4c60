//! The other chains: COLD and WARM in Python (`benches/peers`), the floor in Rust ([`super::part`]).

use super::child::Process;
use super::plan::{Clip, Plan};
use super::process;
use super::setup;
use crate::clock;
use crate::turn::Moment;
use serde_json::{Value, json};
use std::process::Command;

/// A turn of a peer.
#[derive(Clone, Debug, Default)]
pub struct PeerTurn {
    /// From the end of the question to the first sound, ms.
    pub first_audio_ms: f64,
    /// Speech recognition without loading, ms.
    pub stt_ms: f64,
    /// The whole reply, ms.
    pub llm_ms: f64,
    /// The whole synthesis, ms.
    pub tts_ms: f64,
    /// Tokens per second after the first.
    pub tokens_per_s: f64,
    /// What was heard.
    pub text: String,
    /// Processor time, seconds; of COLD only, whose processes end with the turn.
    pub cpu_s: Option<f64>,
    /// What speaking sentence by sentence could reach, ms; of WARM only.
    pub by_sentence_ms: Option<f64>,
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or(0.0)
}

/// What the Python peers must know.
fn choices(plan: &Plan) -> Result<Value, String> {
    let files = setup::files(&plan.config);
    let file = |stage: &str| files.iter().find(|(name, _)| *name == stage).map(|(_, path)| path.display().to_string());
    let (Some(stt), Some(chat), Some(voice)) = (file("stt"), file("chat"), file("voice")) else {
        return Err("The peers need a speech model, a chat model and a Piper voice as files (--stt, --chat, --voice).".to_owned());
    };
    let config = &plan.config;
    Ok(json!({
        "stt": stt, "chat": chat, "voice": voice, "threads": config.stt.threads, "chat_threads": config.chat.threads,
        "context": config.chat.context_tokens, "max_tokens": config.chat.max_tokens,
        "repeat_penalty": config.chat.sampling.repeat_penalty, "system": config.chat.system,
    }))
}

fn script(plan: &Plan, name: &str, choices: &Value) -> Result<Command, String> {
    if !plan.python.is_file() {
        return Err(format!("The peers are not installed in {}; run scripts/bench-peers.", plan.python.display()));
    }
    let mut command = Command::new(&plan.python);
    command.arg(plan.peers.join(name)).arg(choices.to_string());
    Ok(command)
}

/// A process per stage.
pub struct Cold(Value);

impl Cold {
    /// Looks whether it can work.
    ///
    /// # Errors
    /// A sentence: what is missing.
    pub fn new(plan: &Plan) -> Result<Cold, String> {
        let choices = choices(plan)?;
        script(plan, "stt.py", &choices).map(|_| Cold(choices))
    }

    /// Runs the three stages, each with what the one before gave.
    ///
    /// # Errors
    /// A sentence: what went wrong.
    pub fn turn(&self, plan: &Plan, clip: &Clip) -> Result<PeerTurn, String> {
        let before = process::cpu("self");
        let begun = clock::now();
        let mut first = None;
        let mut stage = |name: &str, key: &str, value: &str| -> Result<Value, String> {
            let mut choices = self.0.clone();
            choices[key] = json!(value);
            let process = Process::start(name, &mut script(plan, name, &choices)?)?;
            let done = process.wait("done", |_, at| {
                first.get_or_insert(at);
            })?;
            process.finish();
            Ok(done.1)
        };
        let heard = stage("stt.py", "wav", &clip.file.display().to_string())?;
        let answer = stage("chat.py", "text", heard["text"].as_str().unwrap_or_default())?;
        let spoken = stage("voice.py", "text", answer["reply"].as_str().unwrap_or_default())?;
        let first: Moment = first.ok_or("The cold chain said nothing.")?;
        let cpu = process::cpu("self").zip(before).map(|(after, before)| after.children - before.children);
        Ok(PeerTurn { cpu_s: cpu, ..figures(first.ms_since(begun), &heard, &answer, &spoken) })
    }
}

fn figures(first_audio_ms: f64, heard: &Value, answer: &Value, spoken: &Value) -> PeerTurn {
    PeerTurn {
        first_audio_ms,
        stt_ms: number(heard, "stt_ms"),
        llm_ms: number(answer, "llm_ms"),
        tts_ms: number(spoken, "tts_ms"),
        tokens_per_s: number(answer, "tokens_per_s"),
        text: heard["text"].as_str().unwrap_or_default().to_owned(),
        cpu_s: None,
        by_sentence_ms: answer["by_sentence_ms"].as_f64(),
    }
}

/// A process that keeps its engines: WARM and the floor speak alike.
pub struct Resident(Process);

impl Resident {
    /// Starts the Python one.
    ///
    /// # Errors
    /// A sentence: what is missing.
    pub fn warm(plan: &Plan) -> Result<Resident, String> {
        Self::ready("warm.py", &mut script(plan, "warm.py", &choices(plan)?)?)
    }

    /// Starts the floor.
    ///
    /// # Errors
    /// A sentence: what is missing.
    pub fn floor(plan: &Plan) -> Result<Resident, String> {
        Self::ready("the floor", &mut plan.part("floor")?)
    }

    fn ready(name: &str, command: &mut Command) -> Result<Resident, String> {
        let process = Process::start(name, command)?;
        process.wait("ready", |_, _| {})?;
        Ok(Resident(process))
    }

    fn ask(&mut self, request: &Value) -> Result<(Option<f64>, Value), String> {
        let begun = clock::now();
        self.0.send(request)?;
        let mut first = None;
        let (_, done) = self.0.wait("done", |_, at| {
            first.get_or_insert(at.ms_since(begun));
        })?;
        Ok((first, done))
    }

    /// One question, the stages one after the other.
    ///
    /// # Errors
    /// A sentence: what went wrong.
    pub fn turn(&mut self, clip: &Clip) -> Result<PeerTurn, String> {
        let (first, done) = self.ask(&json!({"do": "turn", "wav": clip.file}))?;
        Ok(figures(first.ok_or("A peer said nothing.")?, &done, &done, &done))
    }

    /// Forgets the conversation.
    ///
    /// # Errors
    /// A sentence: what went wrong.
    pub fn forget(&mut self) -> Result<(), String> {
        self.ask(&json!({"do": "forget"})).map(drop)
    }

    /// Speaks a text: the whole answer of the peer.
    ///
    /// # Errors
    /// A sentence: what went wrong.
    pub fn speak(&mut self, text: &str) -> Result<Value, String> {
        self.ask(&json!({"do": "speak", "text": text})).map(|(_, done)| done)
    }

    /// Answers a typed question: tokens per second.
    ///
    /// # Errors
    /// A sentence: what went wrong.
    pub fn write(&mut self, text: &str) -> Result<f64, String> {
        self.ask(&json!({"do": "write", "text": text})).map(|(_, done)| number(&done, "tokens_per_s"))
    }

    /// Ends it.
    pub fn finish(self) {
        self.0.finish();
    }
}
