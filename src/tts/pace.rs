//! How long the next piece of a streamed sentence should be: the first sound soon, and no gap after it.

/// Frames of work that a piece costs beside its own: the vocoder's context (12 on each side), and the flow's (32 on each side)
/// at a quarter of the vocoder's price.
const OVERHEAD: f64 = 40.0;
/// Shortest piece, frames: 0.23 s at 22,050 Hz. Shorter ones cost more in overlap than they bring.
const SHORTEST: usize = 20;
/// Longest first piece, frames.
const LONGEST_FIRST: usize = 128;
/// Longest piece, frames: 2 s at 22,050 Hz.
const LONGEST: usize = 172;
/// A piece is made in at most this share of the time that the one before it sounds. The rest is for a machine that slows down
/// meanwhile: the chat model decodes on the same cores.
const SHARE: f64 = 0.8;
/// The same for the pieces after the first, of all sound that is ahead.
const SHARE_AHEAD: f64 = 0.4;
/// Real-time factor that is assumed before anything was measured.
const UNKNOWN: f64 = 0.15;

/// What a frame of this voice costs on this machine, learnt from each piece.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Time of work per time of sound, overlap excluded.
    factor: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { factor: UNKNOWN }
    }
}

impl Pace {
    /// A piece of so many frames took so long; a frame sounds `frame` seconds.
    pub fn learn(&mut self, frames: usize, took: f64, frame: f64) {
        let seen = took / ((frames as f64 + OVERHEAD) * frame);
        if seen.is_finite() && seen > 0.0 {
            // Slower counts at once, faster by and by: a gap is worse than a longer piece.
            let weight = if seen > self.factor { 0.7 } else { 0.3 };
            self.factor += weight * (seen - self.factor);
        }
    }

    /// The shortest length that the machine can go on with for ever: `factor · (n + OVERHEAD) ≤ SHARE · n`.
    fn steady(&self) -> usize {
        let room = SHARE - self.factor;
        if room <= 0.0 {
            return LONGEST_FIRST;
        }
        ((OVERHEAD * self.factor / room).ceil() as usize).clamp(SHORTEST, LONGEST_FIRST)
    }

    /// The length of the next piece, frames. `left`: of the sentence. `ahead`: seconds of sound that were made and did not
    /// sound yet. `last`: the length of the piece before; 0 for the first.
    #[must_use]
    pub fn next(&self, left: usize, ahead: f64, last: usize, frame: f64) -> usize {
        let steady = self.steady();
        let wanted = match last {
            0 => steady,
            last => {
                let affordable = SHARE_AHEAD * ahead / (self.factor * frame) - OVERHEAD;
                // Not more than twice the last: what was learnt may be out of date.
                (affordable.max(0.0) as usize).min(2 * last).clamp(steady, LONGEST)
            }
        };
        // No short piece at the end.
        if left < wanted + SHORTEST { left } else { wanted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: f64 = 256.0 / 22_050.0;

    /// Plays a sentence on a machine of this real-time factor; the first sound, and the least sound that was ahead when a
    /// piece came, seconds.
    fn play(factor: f64, frames: usize, known: bool) -> (f64, f64) {
        let mut pace = Pace::default();
        let cost = |n: usize| factor * (n as f64 + OVERHEAD) * FRAME;
        if known {
            (0..20).for_each(|_| pace.learn(100, cost(100), FRAME));
        }
        let (mut now, mut made, mut left, mut last, mut first, mut least) = (0.0, 0.0, frames, 0, 0.0, f64::MAX);
        while left > 0 {
            let ahead = if last == 0 { 0.0 } else { made - (now - first) };
            let n = pace.next(left, ahead, last, FRAME);
            assert!(n > 0 && n <= left);
            now += cost(n);
            pace.learn(n, cost(n), FRAME);
            match last {
                0 => first = now,
                _ => least = f64::min(least, made - (now - first)),
            }
            made += n as f64 * FRAME;
            (left, last) = (left - n, n);
        }
        (first, least)
    }

    #[test]
    fn a_machine_that_is_fast_enough_never_starves() {
        for percent in 1..=60 {
            for frames in [1, 19, 20, 41, 100, 431, 2_000] {
                let factor = f64::from(percent) / 100.0;
                let (_, least) = play(factor, frames, true);
                assert!(least > 0.0, "factor {factor}, {frames} frames: {least}");
            }
        }
    }

    #[test]
    fn what_is_not_measured_yet_is_guessed_on_the_safe_side_of_common_machines() {
        for percent in 1..=20 {
            assert!(play(f64::from(percent) / 100.0, 1_000, false).1 > 0.0, "{percent} %");
        }
    }

    #[test]
    fn the_first_sound_of_a_fast_machine_is_soon() {
        let pace = Pace { factor: 0.07 };
        assert_eq!(pace.next(1_000, 0.0, 0, FRAME), SHORTEST);
        assert!(play(0.07, 1_000, true).0 < 0.06);
        assert_eq!(pace.next(SHORTEST + 3, 0.0, 0, FRAME), SHORTEST + 3, "no short piece at the end");
        assert_eq!(pace.next(1_000, 10.0, 40, FRAME), 80, "grows by no more than twice");
        assert_eq!(pace.next(1_000, 10.0, 160, FRAME), LONGEST);
    }

    #[test]
    fn impossible_measurements_are_passed_over() {
        let mut pace = Pace::default();
        for (frames, took, frame) in [(0, 0.0, FRAME), (10, f64::NAN, FRAME), (10, 1.0, 0.0), (10, -1.0, FRAME)] {
            pace.learn(frames, took, frame);
        }
        assert_eq!(pace, Pace::default());
        assert!(Pace { factor: 50.0 }.next(1_000, 0.0, 0, FRAME) <= LONGEST_FIRST);
    }
}
