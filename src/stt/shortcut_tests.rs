//! The shortcuts against the yardstick: the real starter model and the real voice detector hear each recording piece by
//! piece, with the key going up at different moments, and once as a whole. The words must be the same.

use super::worker::spawn_stt;
use super::*;
use crate::audio::file::read_audio_16k;
use crate::audio::{Pcm16k, vad};
use crate::event::{SttCmd, WorkerEvent};
use crate::stt::whisper::WhisperTranscriber;
use crate::turn::{TurnClock, TurnId};
use crate::worker::Worker;
use crossbeam_channel::{Receiver, bounded};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The tail, 120 ms.
const TAIL: usize = 1_920;

struct Ear {
    worker: Worker<SttCmd>,
    events: Receiver<WorkerEvent>,
    clock: TurnClock,
    turn: TurnId,
}

#[derive(Debug)]
struct Answer {
    text: String,
    confidence: f32,
    understood: bool,
    /// From the key to the words.
    waited: Duration,
}

impl Ear {
    fn new(model: &Path, phrases: Phrases) -> Self {
        let (up, events) = bounded(4096);
        let clock = TurnClock::new();
        let options = SttOptions {
            language: SpokenLanguage::Fixed("en".to_owned()),
            threads: 1,
            phrases,
            script: crate::stt::chinese::ChineseScript::default(),
        };
        let model = model.to_owned();
        let factory = move || Ok(Box::new(WhisperTranscriber::load(&model, 1)?) as Box<dyn Transcriber>);
        let worker = spawn_stt(Arc::new(factory), options, up, clock.reader(), vad::earshot, None).unwrap();
        Ear { worker, events, clock, turn: TurnId::NONE }
    }

    /// A recording as it comes while the key is held. `early`: the words must be there without the tail; the ear gets the
    /// time for it that a person's pause gives it.
    fn hear(&mut self, pcm: &[f32], early: bool) -> Answer {
        self.turn = self.turn.next();
        let turn = self.turn;
        self.clock.advance_to(turn);
        for (n, piece) in pcm[..pcm.len() - TAIL].chunks(1600).enumerate() {
            self.worker.try_send(SttCmd::Hear { turn, at: n * 1600, pcm: Pcm16k(piece.into()) }).unwrap();
            std::thread::sleep(Duration::from_millis(4));
        }
        // A person's pause before the key goes up is time for the pass over it.
        std::thread::sleep(Duration::from_millis(if early { 400 } else { 0 }));
        let key_up = Instant::now();
        self.worker.try_send(SttCmd::KeyUp(turn)).unwrap();
        let first = early.then(|| (self.answer(), key_up.elapsed()));
        if !early {
            std::thread::sleep(Duration::from_millis(60));
        }
        let late = self.whole(turn, pcm);
        if let Some((first, waited)) = first {
            assert_eq!(late.text, first.text, "what is said early is what is said late");
            return Answer { waited, ..first };
        }
        late
    }

    /// The recording at once.
    fn whole(&mut self, turn: TurnId, pcm: &[f32]) -> Answer {
        self.turn = turn;
        self.clock.advance_to(turn);
        self.events.try_iter().for_each(drop);
        let begun = Instant::now();
        self.worker.try_send(SttCmd::Transcribe(turn, Pcm16k(pcm.into()))).unwrap();
        let answer = self.answer();
        Answer { waited: begun.elapsed(), ..answer }
    }

    fn answer(&self) -> Answer {
        loop {
            match self.events.recv_timeout(Duration::from_secs(30)).expect("an answer") {
                WorkerEvent::Transcribed { transcript, .. } => {
                    return Answer {
                        text: transcript.text.into(),
                        confidence: transcript.confidence,
                        understood: true,
                        waited: Duration::ZERO,
                    };
                }
                // The starter's own verdict, with the sentence that was nearest.
                WorkerEvent::Failed(_, error) => {
                    return Answer { text: error.message, confidence: 0.0, understood: false, waited: Duration::ZERO };
                }
                _ => {}
            }
        }
    }
}

fn shared() -> PathBuf {
    std::env::var_os("HARK_SHARED").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
}

/// The recordings, as the microphone would give them: 300 ms of a quiet room on both sides.
fn clips() -> Vec<(String, Vec<f32>)> {
    let folders = [PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/questions"), shared().join("models/speech")];
    let mut clips = Vec::new();
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            println!("skipped: needs ../shared/models/speech");
            continue;
        };
        for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "wav")) {
            let room: Vec<f32> = crate::audio::testing::noise(5, 4_800).iter().map(|s| s * 0.0003).collect();
            let speech = read_audio_16k(&path).unwrap();
            clips.push((path.file_stem().unwrap().to_string_lossy().into_owned(), [&room[..], &speech.0, &room].concat()));
        }
    }
    clips.sort_by(|a, b| a.0.cmp(&b.0));
    clips
}

/// The recording with 400 ms of a quiet room in its quietest place between a third and two thirds of the speech.
fn with_a_pause(pcm: &[f32]) -> Vec<f32> {
    let range = vad::speech_span(&Pcm16k(pcm.into())).range.unwrap();
    let third = range.len() / 3;
    let energy = |at: usize| pcm[at..at + 480].iter().map(|s| s * s).sum::<f32>();
    let middle = (range.start + third..range.end - third).step_by(80);
    let at = middle.min_by(|a, b| energy(*a).total_cmp(&energy(*b))).unwrap() + 240;
    let room: Vec<f32> = crate::audio::testing::noise(8, 6_400).iter().map(|s| s * 0.0003).collect();
    [&pcm[..at], &room, &pcm[at..]].concat()
}

#[test]
fn the_words_are_the_same_with_and_without_the_shortcuts() {
    let places = [PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models"), shared()];
    let Some(model) = places.iter().map(|place| place.join("starter/ggml-starter-en-q5_1.bin")).find(|path| path.exists()) else {
        println!("skipped: needs ../shared/starter/ggml-starter-en-q5_1.bin");
        return;
    };
    let (mut with, mut without) = (Ear::new(&model, Phrases::Auto), Ear::new(&model, Phrases::Off));
    let (mut compared, mut early, mut waits, mut known, mut doubtful) = (0, 0, Vec::new(), Vec::new(), Vec::new());
    for (name, pcm) in clips() {
        let end = vad::speech_span(&Pcm16k(pcm.as_slice().into())).range.unwrap().end - vad::PAD;
        let until = |after: usize| pcm[..(end + after + TAIL).min(pcm.len())].to_vec();
        // The key goes up long after the last word, with it, and 100 ms after it.
        let ways = [("late", pcm.clone()), ("at once", until(480)), ("soon", until(1_600)), ("after a pause inside", with_a_pause(&pcm))];
        for (how, pcm) in ways {
            let slow = without.whole(without.turn.next(), &pcm);
            // The ten questions end long before their files do.
            let is_early = how == "late" && name.starts_with('q');
            let quick = with.hear(&pcm, is_early);
            compared += 1;
            early += usize::from(is_early);
            if is_early {
                waits.push((quick.waited, slow.waited));
            }
            if quick.text != slow.text {
                let (quick_sure, slow_sure) = (quick.confidence, slow.confidence);
                let line = format!("{name}, key up {how}: {:?} ({quick_sure:.2}) instead of {:?} ({slow_sure:.2})", quick.text, slow.text);
                if quick.understood && slow.understood || name.starts_with('q') { known.push(line) } else { doubtful.push(line) }
            }
        }
    }
    println!("{compared} recordings, {early} with words before the tail; with other words: {known:#?}; not understood once: {doubtful:#?}");
    println!("from the key to the words, with and without: {waits:.1?}");
    assert_eq!(known, [] as [String; 0]);
    // Allowed: sentences outside of the starter's forty that come out right at its limit of 0.8, on one side of it with
    // some more silence behind them and on the other with less. Measured: one of 84 (LibriSpeech with a pause, 0.81).
    assert!(doubtful.len() <= 2, "{doubtful:#?}");
}
