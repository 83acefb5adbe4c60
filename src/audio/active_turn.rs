//! What is being played of one turn: the clips, how far they are, and the clause events that follow from it.

use crate::audio::host::{Span, Stamp, TurnPlayer};
use crate::audio::level::{FRAME_MILLIS, HISTORY_FRAMES, Level, LevelMeter};
use crate::audio::{AudioError, Clip};
use crate::clock;
use crate::event::WorkerEvent;
use crate::turn::TurnId;
use crossbeam_channel::Sender;
use std::collections::VecDeque;
use std::sync::Arc;

pub(crate) struct ActiveTurn {
    pub(crate) id: TurnId,
    /// Nothing more comes.
    pub(crate) finish: bool,
    /// How often it moved to another speaker.
    pub(crate) moves: u32,
    /// `None`: there is no speaker, the turn goes on without sound.
    player: Option<Box<dyn TurnPlayer>>,
    queue: VecDeque<Queued>,
    started: Option<u32>,
    position: u64,
}

struct Queued {
    seq: u32,
    clip: Clip,
    last: bool,
    span: Span,
    /// Samples whose level was reported.
    metered: usize,
}

impl Queued {
    /// How many of the clip's samples lie before this position of the player.
    fn played(&self, position: u64) -> usize {
        let length = self.span.end.saturating_sub(self.span.start);
        let done = position.clamp(self.span.start, self.span.end) - self.span.start;
        if length == 0 {
            return self.clip.samples.len();
        }
        (self.clip.samples.len() as u128 * u128::from(done) / u128::from(length)) as usize
    }

    fn meter(&mut self, position: u64, meter: &LevelMeter) {
        let frame = (self.clip.rate as usize * FRAME_MILLIS as usize / 1000).max(1);
        let played = self.played(position);
        // An output that plays at once would fill the history over and over.
        self.metered = self.metered.max(played.saturating_sub(frame * HISTORY_FRAMES));
        while self.metered + frame <= played {
            meter.push(Level::of(&self.clip.samples[self.metered..self.metered + frame]));
            self.metered += frame;
        }
    }
}

impl ActiveTurn {
    pub(crate) fn new(id: TurnId, player: Option<Box<dyn TurnPlayer>>) -> Self {
        ActiveTurn { id, finish: false, moves: 0, player, queue: VecDeque::new(), started: None, position: 0 }
    }

    pub(crate) fn enqueue(&mut self, seq: u32, clip: Clip, last: bool) -> Result<(), AudioError> {
        let Some(player) = &mut self.player else { return Ok(()) };
        let queued = player.enqueue(&clip);
        // Also when it failed: another speaker may take it.
        let span = queued.as_ref().copied().unwrap_or_default();
        self.queue.push_back(Queued { seq, clip, last, span, metered: 0 });
        queued.map(drop)
    }

    /// Lets the player work and reports what was begun and ended since the last call. Returns the player's position.
    pub(crate) fn step(&mut self, up: &Sender<WorkerEvent>, meter: &LevelMeter) -> Result<u64, AudioError> {
        let Some(player) = &mut self.player else { return Ok(0) };
        self.position = player.advance()?;
        while let Some(front) = self.queue.front_mut() {
            let sounds = front.span.end > front.span.start;
            if sounds && self.position > front.span.start && self.started != Some(front.seq) {
                // The player knows the moment of its very first sample; later ones are seen at most one poll late.
                let first = self.started.is_none().then(|| player.started()).flatten();
                let _ = up.send(WorkerEvent::ClauseStarted(self.id, front.seq, first.unwrap_or_else(clock::now)));
                self.started = Some(front.seq);
            }
            front.meter(self.position, meter);
            if self.position < front.span.end {
                break;
            }
            if front.last {
                let _ = up.send(WorkerEvent::ClausePlayed(self.id, front.seq));
            }
            self.queue.pop_front();
        }
        Ok(self.position)
    }

    /// Sound is waiting to be played.
    pub(crate) fn is_sounding(&self) -> bool {
        !self.queue.is_empty()
    }

    /// All was played and nothing more comes.
    pub(crate) fn is_drained(&self) -> bool {
        self.finish && self.queue.is_empty()
    }

    /// Lets the player go and keeps what it did not play.
    pub(crate) fn detach(&mut self) {
        if let Some(mut player) = self.player.take() {
            self.position = player.advance().unwrap_or(self.position);
        }
        if let Some(front) = self.queue.front_mut() {
            let rest: Vec<f32> = front.clip.samples[front.played(self.position)..].to_vec();
            front.clip.samples = rest.into();
            front.metered = 0;
        }
    }

    /// Goes on with another player.
    pub(crate) fn attach(&mut self, mut player: Box<dyn TurnPlayer>) -> Result<(), AudioError> {
        self.position = 0;
        for queued in &mut self.queue {
            queued.span = player.enqueue(&queued.clip)?;
        }
        self.player = Some(player);
        Ok(())
    }

    /// Where the moment of silence will be written once this is dropped.
    pub(crate) fn silence(&self) -> Option<Arc<Stamp>> {
        self.player.as_ref().and_then(|player| player.silence())
    }

    /// Goes on without sound.
    pub(crate) fn mute(&mut self) {
        self.player = None;
        self.queue.clear();
    }
}
