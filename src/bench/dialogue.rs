//! The dialogue: each question is put to Hark and to every peer, one after the other, and who begins changes with each.

use super::path::{self, Path};
use super::peers::{Cold, PeerTurn, Resident};
use super::plan::Plan;
use super::session::{Session, Turn};
use super::stats::{p50, p95, rounded, summary};
use serde_json::{Value, json};

/// The turns of a peer, or why there are none.
pub type PeerTurns = Result<Vec<PeerTurn>, String>;

/// What was said and how long it took. Turn `n` of each is the same question.
pub struct Dialogue {
    /// Hark's turns with the number of their question.
    pub hark: Vec<(usize, Turn)>,
    /// A process per stage.
    pub cold: PeerTurns,
    /// All resident.
    pub warm: PeerTurns,
    /// The engines bare.
    pub floor: PeerTurns,
}

/// A peer at work: a fault ends its part, not the bench.
struct Guest<P> {
    peer: Option<P>,
    turns: PeerTurns,
}

impl<P> Guest<P> {
    fn new(peer: Result<P, String>) -> Self {
        match peer {
            Ok(peer) => Guest { peer: Some(peer), turns: Ok(Vec::new()) },
            Err(why) => Guest { peer: None, turns: Err(why) },
        }
    }

    fn with(&mut self, work: impl FnOnce(&mut P) -> Result<Option<PeerTurn>, String>) {
        let (Some(peer), Ok(turns)) = (&mut self.peer, &mut self.turns) else { return };
        match work(peer) {
            Ok(turn) => turns.extend(turn),
            Err(why) => (self.peer, self.turns) = (None, Err(why)),
        }
    }
}

fn absent<P>(why: &str) -> Guest<P> {
    Guest { peer: None, turns: Err(why.to_owned()) }
}

/// Holds the dialogue `plan.runs` times; the conversation begins anew with each. `note` is told how far it is.
///
/// # Errors
/// A sentence, when Hark itself did not answer.
pub fn hold(plan: &Plan, session: &Session, note: &mut dyn FnMut(&str)) -> Result<Dialogue, String> {
    let mut hark = Vec::new();
    let (mut cold, mut warm, mut floor) = if plan.compare {
        note("starting the peers");
        (Guest::new(Cold::new(plan)), Guest::new(Resident::warm(plan)), Guest::new(Resident::floor(plan)))
    } else {
        let why = "It was measured without --compare.";
        (absent(why), absent(why), absent(why))
    };
    let mut place = 0usize;
    for run in 0..plan.runs {
        session.new_conversation()?;
        warm.with(|peer| peer.forget().map(|()| None));
        floor.with(|peer| peer.forget().map(|()| None));
        for (number, clip) in plan.clips.iter().enumerate() {
            note(&format!("run {} of {}, {}", run + 1, plan.runs, clip.name));
            for step in 0..4 {
                match (step + place) % 4 {
                    0 => hark.push((number, session.ask(&clip.pcm)?)),
                    1 => cold.with(|peer| peer.turn(plan, clip).map(Some)),
                    2 => warm.with(|peer| peer.turn(clip).map(Some)),
                    _ => floor.with(|peer| peer.turn(clip).map(Some)),
                }
            }
            place += 1;
        }
    }
    let [warm, floor] = [warm, floor].map(|guest| {
        if let Some(peer) = guest.peer {
            peer.finish();
        }
        guest.turns
    });
    Ok(Dialogue { hark, cold: cold.turns, warm, floor })
}

impl Dialogue {
    /// The way to the first sound of each of Hark's turns that sounded.
    #[must_use]
    pub fn paths(&self) -> Vec<Path> {
        self.hark.iter().filter_map(|(_, turn)| path::critical(&turn.timeline, turn.timing.first_clause_ms)).collect()
    }

    /// From the key up to the first sample as a share of the stages' full times, of each turn that sounded.
    #[must_use]
    pub fn overlap(&self) -> Vec<f64> {
        let share = |(_, turn): &(usize, Turn)| {
            let sum = path::stages(&turn.timeline).sum();
            Some(path::critical(&turn.timeline, turn.timing.first_clause_ms)?.total / sum).filter(|_| sum > 0.0)
        };
        self.hark.iter().filter_map(share).collect()
    }

    /// From the key up to the first sample, of each turn, ms.
    #[must_use]
    pub fn first_audio(&self) -> Vec<f64> {
        self.hark.iter().filter_map(|(_, turn)| turn.timing.first_audio_ms).collect()
    }

    /// The turn whose time to the first sound is the median.
    #[must_use]
    pub fn typical(&self) -> Option<&Turn> {
        let middle = p50(&self.first_audio())?;
        self.hark.iter().map(|(_, turn)| turn).find(|turn| turn.timing.first_audio_ms == Some(middle))
    }

    /// p50 and p95 of every figure of a turn.
    #[must_use]
    pub fn figures(&self) -> Vec<(&'static str, Vec<f64>)> {
        let paths = self.paths();
        let of = |pick: &dyn Fn(&Turn) -> Option<f64>| -> Vec<f64> { self.hark.iter().filter_map(|(_, turn)| pick(turn)).collect() };
        let path = |pick: fn(&Path) -> f64| paths.iter().map(pick).collect::<Vec<f64>>();
        let stages = |turn: &Turn| path::stages(&turn.timeline);
        let share = |work: f64, sound: f64| (sound > 0.0).then(|| work / sound);
        vec![
            ("eos_to_first_audio_ms", self.first_audio()),
            ("stt_after_release_ms", path(|p| p.stt_after)),
            ("first_token_ms", of(&|turn| turn.timing.first_token_ms)),
            ("first_clause_ms", of(&|turn| turn.timing.first_clause_ms)),
            ("first_synthesis_ms", path(|p| p.first_synthesis)),
            ("engines_ms", path(|p| p.engines)),
            ("tail_ms", path(|p| p.tail)),
            ("overhead_ms", path(|p| p.overhead)),
            ("overlap", self.overlap()),
            ("stt_real_time_factor", of(&|turn| share(stages(turn).stt, turn.clip_ms))),
            ("tts_real_time_factor", of(&|turn| share(stages(turn).tts, turn.timing.audio_ms))),
            ("tokens", of(&|turn| Some(f64::from(turn.timing.tokens)))),
            ("tokens_per_s", of(&|turn| Some(turn.timing.tokens_per_s).filter(|rate| *rate > 0.0))),
            ("prefilled_tokens", of(&|turn| Some(f64::from(turn.timing.prefilled_tokens)))),
            ("cached_tokens", of(&|turn| Some(f64::from(turn.timing.cached_tokens)))),
            ("cpu_s_per_turn", of(&|turn| turn.cpu_s)),
        ]
    }

    /// One object a turn.
    #[must_use]
    pub fn turns(&self, plan: &Plan) -> Vec<Value> {
        let turn = |(number, turn): &(usize, Turn)| {
            let path = path::critical(&turn.timeline, turn.timing.first_clause_ms).unwrap_or_default();
            json!({"question": plan.clips[*number].name, "heard": turn.text, "answer_bytes": turn.reply.len(), "timing": turn.timing,
                   "stt_after_release_ms": rounded(path.stt_after), "overhead_ms": rounded(path.overhead),
                   "tail_ms": rounded(path.tail), "cpu_s": turn.cpu_s})
        };
        self.hark.iter().map(turn).collect()
    }
}

/// The figures of a peer.
#[must_use]
pub fn peer(turns: &PeerTurns) -> Value {
    let turns = match turns {
        Ok(turns) => turns,
        Err(why) => return json!({"measured": false, "why": why}),
    };
    let of = |pick: fn(&PeerTurn) -> f64| summary(&turns.iter().map(pick).collect::<Vec<_>>());
    let some = |pick: fn(&PeerTurn) -> Option<f64>| summary(&turns.iter().filter_map(pick).collect::<Vec<_>>());
    json!({
        "measured": true,
        "eos_to_first_audio_ms": of(|t| t.first_audio_ms),
        "stt_ms": of(|t| t.stt_ms),
        "llm_ms": of(|t| t.llm_ms),
        "tts_ms": of(|t| t.tts_ms),
        "tokens_per_s": of(|t| t.tokens_per_s),
        "cpu_s_per_turn": some(|t| t.cpu_s),
        "by_sentence_ms": some(|t| t.by_sentence_ms),
    })
}

/// First sound of a peer, p50 and p95.
#[must_use]
pub fn peer_first_audio(turns: &PeerTurns) -> Option<(f64, f64)> {
    let values: Vec<f64> = turns.as_ref().ok()?.iter().map(|turn| turn.first_audio_ms).collect();
    Some((p50(&values)?, p95(&values)?))
}
