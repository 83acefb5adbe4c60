//! Whether a voice that was cut sounds like the whole: found out once for each form of graph, and remembered.
//!
//! A few symbols are spoken without noise by the whole and by the parts in short pieces. The cut is used when all samples agree
//! within −60 dB of the peak; a wrong seam, a missing context or a part that needs the whole sentence would be far above. The
//! whole graph is loaded for that, so the first start of a new voice takes longer; afterwards the verdict is read from the
//! cache folder. It depends on the form of the graph and not on the values of its weights, so a retrained or renamed voice
//! needs no new one. Without a folder, or with a full disk, it is found out at each start.

use super::seams::Way;
use crate::models::note::Note;
use std::path::Path;

/// Raised when the cut or the way of working on pieces changes.
const VERSION: u32 = 1;
/// Largest difference to the full pass, of its peak: −60 dB.
const MOST: f32 = 1e-3;
/// A sound whose peak is below this proves nothing.
const QUIET: f32 = 1e-5;
/// Frames of the pieces that are compared: shorter than any that is used, so that there are many seams.
pub(super) const PIECE: usize = 16;

/// What was found out about a voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The parts equal the whole.
    Cut(Way),
    /// It is used as a whole.
    Whole,
}

impl Verdict {
    fn text(self) -> &'static str {
        match self {
            Verdict::Cut(Way::Three) => "three",
            Verdict::Cut(Way::Two) => "two",
            Verdict::Whole => "whole",
        }
    }
}

/// The largest difference as a share of the whole's peak; `None` when the two cannot be compared.
pub(super) fn difference(whole: &[f32], pieces: &[f32]) -> Option<f32> {
    let peak = whole.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
    if whole.len() != pieces.len() || peak < QUIET || whole.iter().chain(pieces).any(|sample| !sample.is_finite()) {
        return None;
    }
    Some(whole.iter().zip(pieces).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / peak)
}

/// Whether this difference cannot be heard.
pub(super) fn is_good(difference: Option<f32>) -> bool {
    difference.is_some_and(|difference| difference <= MOST)
}

/// The verdict on one voice.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    note: Note,
}

impl Memory {
    /// `digest` is that of the graph.
    pub(super) fn of(folder: Option<&Path>, digest: &[u8; 32]) -> Self {
        let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Memory { note: Note::new(folder, super::runtime::VERDICTS, &format!("{name}-{VERSION}-{}.txt", ort::MINOR_VERSION)) }
    }

    /// What was found out before.
    pub(super) fn recall(&self) -> Option<Verdict> {
        let text = self.note.recall()?;
        [Verdict::Cut(Way::Three), Verdict::Cut(Way::Two), Verdict::Whole].into_iter().find(|verdict| verdict.text() == text.trim())
    }

    /// Keeps it for the next start.
    pub(super) fn keep(&self, verdict: Verdict) {
        self.note.keep(verdict.text());
    }

    /// Forgets what turned out to be wrong.
    pub(super) fn forget(&self) {
        self.note.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_kept_and_nonsense_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::of(Some(folder.path()), &[7; 32]);
        assert_eq!(memory.recall(), None);
        for verdict in [Verdict::Cut(Way::Two), Verdict::Whole, Verdict::Cut(Way::Three)] {
            memory.keep(verdict);
            assert_eq!(memory.recall(), Some(verdict));
        }
        assert_eq!(Memory::of(Some(folder.path()), &[8; 32]).recall(), None, "another graph");
        assert_eq!(std::fs::read_dir(folder.path().join("voices")).unwrap().count(), 1, "no draft is left");
        let file = std::fs::read_dir(folder.path().join("voices")).unwrap().next().unwrap().unwrap().path();
        std::fs::write(file, [0xff; 9]).unwrap();
        assert_eq!(memory.recall(), None);
        memory.forget();
        memory.forget();
    }

    #[test]
    fn without_a_folder_that_can_be_written_nothing_fails() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a file");
        std::fs::write(&file, b"").unwrap();
        for memory in [Memory::of(None, &[1; 32]), Memory::of(Some(&file), &[1; 32])] {
            memory.keep(Verdict::Whole);
            assert_eq!(memory.recall(), None);
            memory.forget();
        }
    }

    #[test]
    fn differences_are_relative_to_the_peak_and_what_is_no_sound_proves_nothing() {
        assert!(is_good(difference(&[0.5, -0.2], &[0.5004, -0.2])));
        assert!(!is_good(difference(&[0.5, -0.2], &[0.501, -0.2])));
        for pieces in [&[0.5][..], &[0.5, f32::NAN]] {
            assert!(!is_good(difference(&[0.5, -0.2], pieces)));
        }
        assert!(!is_good(difference(&[0.0; 4], &[0.0; 4])) && !is_good(difference(&[], &[])));
        assert!(!is_good(difference(&[f32::NAN; 2], &[f32::NAN; 2])));
    }
}
