//! `hark say`: speaks a text or phonemes, into a WAV file or through the speaker.

use super::args::Say;
use super::ask::no_folder_for;
use super::engines::{self, ClipPlayer};
use super::terminal::{Interrupt, Terminal};
use super::{Context, Exit};
use crate::audio::Clip;
use crate::error::{Severity, Stage, StageError};
use crate::platform::files;
use crate::tts::{SynthesisError, Synthesizer, VoiceOptions};
use crate::turn::{CancelToken, Outcome};
use std::io::Cursor;
use std::path::Path;

/// What is to be spoken.
enum What {
    Clauses(Vec<String>),
    Phonemes(String),
}

/// Runs it.
pub fn run(context: &Context, args: &Say, terminal: &mut Terminal) -> Exit {
    let interrupt = Interrupt::catch();
    context.notices.iter().for_each(|notice| terminal.error(notice));
    match say(context, args, &interrupt.token) {
        Ok(_) if interrupt.token.is_cancelled() => Exit::Interrupted,
        Ok(Outcome::Done(unread)) => {
            unread.iter().for_each(|problem| terminal.error(problem));
            Exit::Good
        }
        Ok(Outcome::Cancelled) => Exit::Interrupted,
        Err(_) if interrupt.token.is_cancelled() => Exit::Interrupted,
        Err(problem) => {
            terminal.error(&problem);
            Exit::Failed
        }
    }
}

/// Done: with the reason why a part of the text was left out.
fn say(context: &Context, args: &Say, cancel: &CancelToken) -> Result<Outcome<Option<StageError>>, StageError> {
    let what = match &args.phonemes {
        Some(phonemes) => What::Phonemes(phonemes.trim().to_owned()),
        None => What::Clauses(engines::clauses(&args.text.join(" "), context.config.latin())),
    };
    let empty = match &what {
        What::Clauses(clauses) => clauses.is_empty(),
        What::Phonemes(phonemes) => phonemes.is_empty(),
    };
    if empty {
        return Err(StageError::new(Stage::Tts, Severity::Turn, "There is nothing in this text that can be said.", "Give some words."));
    }
    if let Some(problem) = args.out.as_deref().and_then(no_folder_for) {
        return Err(problem);
    }
    let mut voice = engines::load_voice(&context.config, cancel)?;
    let options = &context.config.voice_options;
    let rate = voice.sample_rate();
    if let Some(out) = &args.out {
        let mut samples = Vec::new();
        let mut collect = |clip: Clip| {
            samples.extend_from_slice(&clip.samples);
            Ok(())
        };
        let outcome = speak(voice.as_mut(), &what, options, cancel, &mut collect)?;
        if matches!(outcome, Outcome::Done(_)) {
            write_wav(out, &samples, rate)?;
        }
        return Ok(outcome);
    }
    let mut speaker: Box<dyn ClipPlayer> = engines::open_speaker(&context.config)?;
    let outcome = speak(voice.as_mut(), &what, options, cancel, &mut |clip| speaker.play(clip))?;
    speaker.finish(cancel)?;
    Ok(outcome)
}

/// Synthesises one clause after the other and hands each piece of sound over as it comes. Clauses that the voice cannot read are
/// left out: what is done has the reason for the first of them.
fn speak(
    voice: &mut dyn Synthesizer,
    what: &What,
    options: &VoiceOptions,
    cancel: &CancelToken,
    on_clip: &mut dyn FnMut(Clip) -> Result<(), StageError>,
) -> Result<Outcome<Option<StageError>>, StageError> {
    let rate = voice.sample_rate();
    let mut lost = Ok(());
    let mut made = 0;
    let mut unread: Option<StageError> = None;
    let mut on_audio = |samples: &[f32]| {
        made += samples.len();
        if lost.is_ok() && !samples.is_empty() {
            lost = on_clip(Clip { samples: samples.into(), rate });
        }
    };
    match what {
        What::Phonemes(phonemes) => {
            if voice.synthesize_phonemes(phonemes, options, cancel, &mut on_audio)? == Outcome::Cancelled {
                return Ok(Outcome::Cancelled);
            }
        }
        What::Clauses(clauses) => {
            for clause in clauses {
                if cancel.is_cancelled() {
                    return Ok(Outcome::Cancelled);
                }
                match voice.synthesize(clause, options, cancel, &mut on_audio) {
                    Ok(Outcome::Done(_)) => {}
                    Ok(Outcome::Cancelled) => return Ok(Outcome::Cancelled),
                    Err(error @ SynthesisError::Unreadable(_)) => unread = unread.or_else(|| Some(error.into())),
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
    lost?;
    if made == 0 {
        let nothing = || StageError::new(Stage::Tts, Severity::Turn, "There is nothing in this text that can be said.", "Give some words.");
        return Err(unread.unwrap_or_else(nothing));
    }
    Ok(Outcome::Done(unread))
}

/// Writes mono 32-bit float samples: what the voice computed, without rounding to 16 bits.
fn write_wav(out: &Path, samples: &[f32], rate: u32) -> Result<(), StageError> {
    let spec = hound::WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 32, sample_format: hound::SampleFormat::Float };
    let mut bytes = Cursor::new(Vec::with_capacity(samples.len().saturating_mul(4).saturating_add(64)));
    hound::WavWriter::new(&mut bytes, spec)
        .and_then(|mut writer| {
            samples.iter().try_for_each(|sample| writer.write_sample(*sample))?;
            writer.finalize()
        })
        .map_err(|error| error.to_string())
        .and_then(|()| {
            files::create_result(out)
                .and_then(|mut file| std::io::Write::write_all(&mut file, &bytes.into_inner()))
                .map_err(|error| crate::error::reason(&error))
        })
        .map_err(|reason| {
            let message = format!("The sound could not be written to {}: {reason}.", out.display());
            StageError::new(Stage::Playback, Severity::Turn, message, "Make room on the disk or give another place.")
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stt::EngineInfo;
    use crate::tts::SpeechStats;

    /// Says one sample for each letter; "!" is cancelled, "?" fails, it reads no Chinese.
    struct Letters;

    impl Synthesizer for Letters {
        fn sample_rate(&self) -> u32 {
            22_050
        }

        fn synthesize(
            &mut self,
            clause: &str,
            options: &VoiceOptions,
            _: &CancelToken,
            on_audio: &mut dyn FnMut(&[f32]),
        ) -> Result<Outcome<SpeechStats>, SynthesisError> {
            match clause {
                "!" => return Ok(Outcome::Cancelled),
                "?" => return Err(SynthesisError::Engine("it broke".into())),
                _ if clause.contains(crate::speech::is_han) => return Err(SynthesisError::Unreadable("It does not read this".into())),
                _ => on_audio(&vec![options.volume; clause.chars().filter(|c| c.is_alphabetic()).count()]),
            }
            Ok(Outcome::Done(SpeechStats::default()))
        }

        fn synthesize_phonemes(
            &mut self,
            _: &str,
            _: &VoiceOptions,
            _: &CancelToken,
            _: &mut dyn FnMut(&[f32]),
        ) -> Result<Outcome<SpeechStats>, SynthesisError> {
            Err(SynthesisError::Unsupported("This voice takes no phonemes".into()))
        }

        fn info(&self) -> EngineInfo {
            EngineInfo::default()
        }
    }

    fn said(clauses: &[&str]) -> (Result<Outcome<Option<StageError>>, StageError>, usize) {
        let mut samples = 0;
        let what = What::Clauses(clauses.iter().map(|clause| (*clause).to_owned()).collect());
        let mut count = |clip: Clip| {
            assert_eq!(clip.rate, 22_050);
            samples += clip.samples.len();
            Ok(())
        };
        (speak(&mut Letters, &what, &VoiceOptions::default(), &CancelToken::never(), &mut count), samples)
    }

    #[test]
    fn clauses_are_spoken_in_full_or_the_reason_is_said() {
        assert_eq!(said(&["ab", "", "cde"]), (Ok(Outcome::Done(None)), 5));
        assert_eq!(said(&["ab", "!", "cd"]), (Ok(Outcome::Cancelled), 2));
        assert!(said(&["ab", "?"]).0.unwrap_err().message.contains("it broke"));
        assert!(said(&["🙂"]).0.unwrap_err().message.contains("nothing"));
    }

    #[test]
    fn what_the_voice_cannot_read_is_left_out_and_said() {
        let unread = StageError::from(SynthesisError::Unreadable("It does not read this".into()));
        assert_eq!(said(&["ab", "你好。", "cde"]), (Ok(Outcome::Done(Some(unread.clone()))), 5));
        assert_eq!(said(&["你好。", "再见。"]), (Err(unread), 0), "nothing of it was said");
        assert_eq!(said(&["你好。", "!"]), (Ok(Outcome::Cancelled), 0));
    }

    #[test]
    fn a_speaker_that_goes_away_is_said() {
        let gone = StageError::new(Stage::Playback, Severity::Stage, "The speaker is gone.", "");
        let what = What::Clauses(vec!["ab".into(), "cd".into()]);
        let result = speak(&mut Letters, &what, &VoiceOptions::default(), &CancelToken::never(), &mut |_| Err(gone.clone()));
        assert_eq!(result, Err(gone));
    }

    #[test]
    fn a_voice_without_phonemes_says_so() {
        let what = What::Phonemes("hə".into());
        let result = speak(&mut Letters, &what, &VoiceOptions::default(), &CancelToken::never(), &mut |_| Ok(()));
        assert!(result.unwrap_err().message.contains("no phonemes"));
    }

    #[test]
    fn the_file_holds_the_very_samples() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("o.wav");
        let samples = [0.0, 1.0e-7, -1.0, 0.333_333_34];
        write_wav(&out, &samples, 16_000).unwrap();
        let mut reader = hound::WavReader::open(&out).unwrap();
        assert_eq!((reader.spec().sample_rate, reader.spec().channels), (16_000, 1));
        assert_eq!(reader.samples::<f32>().map(Result::unwrap).collect::<Vec<_>>(), samples);
        assert!(write_wav(&dir.path().join("no/o.wav"), &samples, 16_000).is_err());
    }
}
