//! What the options ask of a voice, within what it can do.

use super::piper::Scales;
use super::{SynthesisError, VoiceOptions};

/// The scales that the options lead to, from the voice's own.
pub(super) fn scales(own: Scales, options: &VoiceOptions) -> Scales {
    let bounded = |chosen: Option<f32>, own: f32| chosen.filter(|v| v.is_finite()).map_or(own, |v| v.clamp(0.0, 2.0));
    let speed = if options.speed.is_finite() { options.speed.clamp(0.25, 4.0) } else { 1.0 };
    Scales {
        noise: bounded(options.noise, own.noise),
        length: own.length / speed,
        noise_width: bounded(options.noise_width, own.noise_width),
    }
}

/// The speaker that the options ask for, of `count` that start with the number `first`; the first one without.
///
/// # Errors
/// [`SynthesisError::Unsupported`] when the voice does not have it.
pub(super) fn speaker(options: &VoiceOptions, (count, first): (u32, u32), name: &str) -> Result<u32, SynthesisError> {
    match options.speaker {
        Some(speaker) if speaker >= count => Err(SynthesisError::Unsupported(match count {
            1 => format!("The voice {name} has only one speaker, number 0, and {speaker} was asked for"),
            count => format!("The voice {name} has the speakers 0 to {}, and {speaker} was asked for", count.saturating_sub(1)),
        })),
        speaker => Ok(first.saturating_add(speaker.unwrap_or(0))),
    }
}
