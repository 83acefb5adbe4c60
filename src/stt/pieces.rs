//! How a recording is laid out for whisper: the window it needs, and where a long one is cut.

use crate::audio::STT_RATE;
use std::borrow::Cow;
use std::ops::Range;

/// Samples per second, as a length.
const RATE: usize = STT_RATE as usize;
/// whisper hears 30 s at once.
const WINDOW: usize = 30 * RATE;
/// A long recording is cut between this …
const CUT_FROM: usize = 20 * RATE;
/// … and this, in the quietest place.
const CUT_TO: usize = 29 * RATE;
/// whisper.cpp takes nothing shorter (100 ms).
pub const SHORTEST: usize = RATE / 10;

/// Encoder positions for `samples`, as whisper.cpp's `audio_ctx`; 0 means all.
///
/// 50 positions are a second. `max(50 s + 128, 384)` rounded up to 8: whisper was trained on full windows and needs some
/// silence behind the words; the encoder's time falls about with the square of it (1500 for a 2 s question is 4 times 384
/// and over 5 times the time). Above 22.5 s there is nothing to gain. `n_audio_ctx` is what the model has.
#[must_use]
pub fn audio_ctx(samples: usize, n_audio_ctx: u32) -> i32 {
    if samples.saturating_mul(2) > 45 * RATE {
        return 0;
    }
    let wanted = (samples * 50).div_ceil(RATE).saturating_add(128).max(384).next_multiple_of(8);
    match i32::try_from(wanted) {
        Ok(wanted) if wanted < i32::try_from(n_audio_ctx).unwrap_or(i32::MAX) => wanted,
        _ => 0,
    }
}

/// Whether a model bears shortened windows. Most do; one that falls into a loop with them and not with the full window,
/// twice in a row, hears with the full one from then on: that costs three to four times the encoder, and every question
/// costing both costs more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShortWindow {
    strikes: u8,
}

impl ShortWindow {
    /// [`audio_ctx`], or 0 when the model does not bear it.
    #[must_use]
    pub fn audio_ctx(self, samples: usize, n_audio_ctx: u32) -> i32 {
        if self.is_given_up() { 0 } else { audio_ctx(samples, n_audio_ctx) }
    }

    /// It was not good enough twice in a row.
    #[must_use]
    pub fn is_given_up(self) -> bool {
        self.strikes >= 2
    }

    /// How a pass with a shortened window went. `loops`: it was caught in a loop, and the full window was not.
    #[must_use]
    pub fn after(self, loops: bool) -> Self {
        ShortWindow { strikes: if loops { self.strikes.saturating_add(1) } else { 0 } }
    }
}

/// The most tokens that people say in `samples`: 8 a second and 16 more (fast speech has about 5 a second).
#[must_use]
pub fn token_cap(samples: usize) -> i32 {
    i32::try_from((samples.min(WINDOW) * 8).div_ceil(RATE).saturating_add(16)).unwrap_or(i32::MAX)
}

/// Pieces of at most 30 s that together are the whole recording. A longer one is cut at its quietest 100 ms between the
/// 20th and the 29th second of each piece.
///
/// whisper.cpp's own way through long recordings needs time stamps, which some models were never taught (the starter, the
/// first distilled ones), and carries a loop in one window to where it seeks next. Pieces that begin and end in a
/// pause need neither.
#[must_use]
pub fn cut(pcm: &[f32]) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while pcm.len() - start > WINDOW {
        let end = start + CUT_FROM + quietest(&pcm[start + CUT_FROM..start + CUT_TO]);
        pieces.push(start..end);
        start = end;
    }
    pieces.push(start..pcm.len());
    pieces
}

/// The middle of the quietest 100 ms (steps of 20 ms).
fn quietest(pcm: &[f32]) -> usize {
    const STEP: usize = RATE / 50;
    let energies: Vec<f32> = pcm.chunks(STEP).map(|step| step.iter().map(|s| s * s).sum()).collect();
    let sums = energies.windows(5).map(|five| five.iter().sum::<f32>());
    let (mut best, mut least) = (0, f32::INFINITY);
    for (at, sum) in sums.enumerate() {
        if sum < least {
            (best, least) = (at, sum);
        }
    }
    (best * STEP + STEP * 5 / 2).min(pcm.len())
}

/// The recording without the silence before its first sound, but for 50 ms.
///
/// For the starter model, which was trained on speech that begins within 160 ms: of its ten questions, which begin
/// after 500 ms, it hears nine as they are, and "Spell banana." by chance (0.375 against 0.375 for "animal", depending on
/// the build); without that lead all ten, the least with 0.91.
/// A sound is a stretch of 10 ms at 3 % (−30 dB) of the loudest one.
#[must_use]
pub fn without_lead(pcm: &[f32]) -> &[f32] {
    const STEP: usize = RATE / 100;
    let energies: Vec<f32> = pcm.chunks(STEP).map(|step| step.iter().map(|s| s * s).sum()).collect();
    let loudest = energies.iter().copied().fold(0.0, f32::max);
    let onset = energies.iter().position(|e| *e > loudest * 9e-4).unwrap_or(0) * STEP;
    &pcm[onset.saturating_sub(RATE / 20)..]
}

/// The samples as whisper can bear them: what is no number becomes silence, what is over full scale is clipped.
#[must_use]
pub fn sane(pcm: &[f32]) -> Cow<'_, [f32]> {
    if pcm.iter().all(|s| (-1.0..=1.0).contains(s)) {
        return Cow::Borrowed(pcm);
    }
    Cow::Owned(pcm.iter().map(|s| if s.is_finite() { s.clamp(-1.0, 1.0) } else { 0.0 }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_follows_the_length() {
        assert_eq!(audio_ctx(2 * RATE, 1500), 384);
        assert_eq!(audio_ctx(11 * RATE, 1500), 680, "678 rounded up to 8");
        assert_eq!(audio_ctx(45 * RATE / 2, 1500), 1256);
        assert_eq!(audio_ctx(45 * RATE / 2 + 1, 1500), 0);
        assert_eq!(audio_ctx(2 * RATE, 256), 0, "a model with a smaller encoder hears all of it");
        assert_eq!(audio_ctx(usize::MAX, 1500), 0);
        assert_eq!((token_cap(RATE), token_cap(30 * RATE), token_cap(usize::MAX)), (24, 256, 256));
    }

    #[test]
    fn a_model_that_does_not_bear_a_short_window_gets_the_full_one() {
        let once = ShortWindow::default().after(true);
        assert_eq!(once.audio_ctx(2 * RATE, 1500), 384, "an accident");
        assert_eq!(once.after(false).after(true).audio_ctx(2 * RATE, 1500), 384);
        let twice = once.after(true);
        assert_eq!((twice.audio_ctx(2 * RATE, 1500), twice.is_given_up()), (0, true));
    }

    #[test]
    fn a_long_recording_is_cut_in_its_pauses_and_nothing_is_lost() {
        let mut pcm = vec![0.3_f32; 75 * RATE];
        pcm[25 * RATE..25 * RATE + RATE / 5].fill(0.0); // the only pauses: at 25 s and 50 s
        pcm[50 * RATE..50 * RATE + RATE / 5].fill(0.001);
        let pieces = cut(&pcm);
        assert_eq!(pieces.len(), 3);
        assert!((25 * RATE..25 * RATE + RATE / 5).contains(&pieces[0].end), "{pieces:?}");
        assert!((50 * RATE..50 * RATE + RATE / 5).contains(&pieces[1].end), "{pieces:?}");
        assert_eq!((pieces[0].start, pieces[2].end), (0, pcm.len()));
        assert!(pieces.windows(2).all(|two| two[0].end == two[1].start));
        assert_eq!(cut(&pcm[..30 * RATE]), vec![0..30 * RATE]);
        assert!(cut(&vec![0.0; 600 * RATE]).iter().all(|p| p.len() <= WINDOW), "ten minutes of silence");
        assert_eq!(cut(&[]), vec![0..0]);
    }

    #[test]
    fn silence_before_the_first_sound_goes_but_for_a_little() {
        let mut pcm = vec![0.001_f32; 2 * RATE];
        pcm[RATE..].fill(0.5);
        assert_eq!(without_lead(&pcm).len(), RATE + RATE / 20);
        assert_eq!(without_lead(&pcm[RATE..]).len(), RATE, "nothing to take away");
        assert_eq!(without_lead(&[0.0; 4000]).len(), 4000, "silence stays what it is");
        assert!(without_lead(&[]).is_empty());
    }

    #[test]
    fn broken_samples_become_silence() {
        let bad = [0.5, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 3.0, -3.0, 1e38];
        assert_eq!(sane(&bad).into_owned(), [0.5, 0.0, 0.0, 0.0, 1.0, -1.0, 1.0]);
        assert!(matches!(sane(&[0.1, -1.0]), Cow::Borrowed(_)));
    }
}
