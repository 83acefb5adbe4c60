//! Loads a VITS graph: in parts when they were found to equal the whole, else as a whole.

use super::front::Symbols;
use super::graph::Graph;
use super::piper::Scales;
use super::seams::{self, Way};
use super::session::{Failure, inputs, open};
use super::streamed::Streamed;
use super::verdict::{self, Memory, Verdict};
use crate::models::cut::GraphView;
use ort::session::Session;
use std::path::Path;

/// The graph, loaded.
#[derive(Debug)]
pub(super) enum Body {
    /// As it is in the file.
    Whole(Session),
    /// In parts.
    Streamed(Box<Streamed>),
}

/// A checked file and what is known of it.
pub(super) struct VoiceFile<'a> {
    /// The whole file.
    pub(super) bytes: &'a [u8],
    /// What the graph takes and gives.
    pub(super) graph: &'a Graph,
    /// Samples per second.
    pub(super) rate: u32,
    /// Threads of each session.
    pub(super) threads: u32,
    /// For the log.
    pub(super) name: &'a str,
    /// What is spoken to compare the parts with the whole; empty when there is nothing.
    pub(super) probe: Symbols,
    /// Who speaks them.
    pub(super) speaker: u32,
}

impl VoiceFile<'_> {
    /// Loads it. `cache`: where verdicts are kept.
    pub(super) fn load(&self, cache: Option<&Path>) -> Result<Body, Failure> {
        let Ok(view) = GraphView::of(self.bytes) else { return self.whole() };
        if self.probe.ids.is_empty() || seams::cut(&view, &self.graph.output, Way::Two).is_none() {
            return self.whole();
        }
        let memory = Memory::of(cache, &view.digest());
        match memory.recall() {
            Some(Verdict::Whole) => return self.whole(),
            Some(Verdict::Cut(way)) => match self.parts(&view, way) {
                Some(parts) => return Ok(Body::Streamed(Box::new(parts))),
                None => memory.forget(),
            },
            None => {}
        }
        self.find_out(&view, &memory)
    }

    fn whole(&self) -> Result<Body, Failure> {
        Ok(Body::Whole(open(self.bytes, self.threads)?))
    }

    /// Cuts it and loads the parts; `None` when the engine does not take them.
    fn parts(&self, view: &GraphView<'_>, way: Way) -> Option<Streamed> {
        let parts = seams::cut(view, &self.graph.output, way)?;
        match Streamed::load(parts, self.rate, self.threads) {
            Ok(streamed) => Some(streamed),
            Err(Failure::Ort(error)) => {
                tracing::warn!(voice = self.name, ?way, %error, "the parts of the voice cannot be loaded");
                None
            }
            Err(Failure::Runtime(_)) => None,
        }
    }

    /// Compares the parts with the whole and keeps what came out.
    fn find_out(&self, view: &GraphView<'_>, memory: &Memory) -> Result<Body, Failure> {
        let mut whole = open(self.bytes, self.threads)?;
        let still = Scales { noise: 0.0, length: 1.0, noise_width: 0.0 };
        let expected = {
            let outputs = whole.run(inputs(self.graph, &self.probe, still, self.speaker)?)?;
            match outputs.get(&self.graph.output) {
                Some(value) => value.try_extract_tensor::<f32>()?.1.to_vec(),
                None => Vec::new(),
            }
        };
        for way in Way::ALL {
            let Some(mut parts) = self.parts(view, way) else { continue };
            let pieces = inputs(self.graph, &self.probe, still, self.speaker)
                .and_then(|inputs| parts.speak_evenly(inputs, verdict::PIECE))
                .unwrap_or_default();
            let difference = verdict::difference(&expected, &pieces);
            if verdict::is_good(difference) {
                tracing::info!(voice = self.name, ?way, ?difference, "the voice is streamed");
                memory.keep(Verdict::Cut(way));
                return Ok(Body::Streamed(Box::new(parts)));
            }
            tracing::warn!(voice = self.name, ?way, ?difference, "the parts of the voice differ from the whole");
        }
        tracing::info!(voice = self.name, "the voice is not streamed, each sentence is spoken as a whole");
        memory.keep(Verdict::Whole);
        Ok(Body::Whole(whole))
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
