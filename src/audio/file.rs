//! Reading audio files of any usual kind: WAV (integer, float, A-law, µ-law, ADPCM), FLAC, MP3, OGG/Vorbis; any rate and
//! number of channels. What comes out is mono.

use crate::audio::resample::{MAX_RATE, StreamResampler};
use crate::audio::{AudioError, Clip, Pcm16k, STT_RATE};
use crate::error::reason;
use crate::platform::files;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

/// The longest sound that is taken.
pub const MAX_MINUTES: u64 = 30;
/// The largest file that is taken.
pub const MAX_BYTES: u64 = 2 << 30;
/// A file is given up after so many packets in a row that cannot be decoded.
const MAX_BAD_PACKETS: u32 = 1000;

/// Reads a file as mono at its own rate. The part of a cut or damaged file that can be read is what is returned.
///
/// # Errors
/// [`AudioError::File`], when it is not there, is no audio file, is too long or too large, or has no sound in it.
pub fn read_audio(path: &Path) -> Result<Clip, AudioError> {
    let (samples, rate) = guarded(path, None)?;
    Ok(Clip { samples: samples.into(), rate })
}

/// Reads a file as the speech model hears it.
///
/// # Errors
/// As [`read_audio`].
pub fn read_audio_16k(path: &Path) -> Result<Pcm16k, AudioError> {
    Ok(Pcm16k(guarded(path, Some(STT_RATE))?.0.into()))
}

fn guarded(path: &Path, to: Option<u32>) -> Result<(Vec<f32>, u32), AudioError> {
    // The decoders are safe Rust, but a crafted file may still reach an overflow check or an index in them.
    catch_unwind(AssertUnwindSafe(|| decode(path, to)))
        .unwrap_or_else(|_| Err("it is damaged in a way that its decoder cannot handle".to_owned()))
        .map_err(|reason| AudioError::File { path: path.to_owned(), reason })
}

fn decode(path: &Path, to: Option<u32>) -> Result<(Vec<f32>, u32), String> {
    let file = files::open(path).map_err(|e| plain(&e))?;
    let about = file.metadata().map_err(|e| plain(&e))?;
    if about.len() > MAX_BYTES {
        return Err(format!("it is larger than {} GiB", MAX_BYTES >> 30));
    }
    if about.len() == 0 {
        return Err("it is empty".to_owned());
    }
    let mut hint = Hint::new();
    if let Some(extension) = path.extension().and_then(|e| e.to_str()) {
        hint.with_extension(extension);
    }
    let stream = MediaSourceStream::new(Box::new(file), Default::default());
    let mut format = symphonia::default::get_probe()
        .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|e| not_audio(&e))?;
    let track = format.default_track(TrackType::Audio).ok_or("it has no sound track")?;
    let id = track.id;
    let parameters = track.codec_params.as_ref().and_then(|p| p.audio()).ok_or("it does not say how its sound is stored")?;
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(|e| format!("its kind of sound is not supported ({e})"))?;
    decode_track(format.as_mut(), decoder.as_mut(), id, to)
}

fn decode_track(
    format: &mut dyn FormatReader,
    decoder: &mut dyn AudioDecoder,
    id: u32,
    to: Option<u32>,
) -> Result<(Vec<f32>, u32), String> {
    let (mut interleaved, mut mono, mut out) = (Vec::<f32>::new(), Vec::<f32>::new(), Vec::<f32>::new());
    let (mut rate, mut frames, mut resampler) = (0u32, 0u64, None);
    let (mut bad_in_a_row, mut first_error) = (0, None);
    loop {
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            // A cut file ends in the middle of something; a chained one continues as another stream.
            Err(error) => {
                first_error.get_or_insert(error);
                break;
            }
        };
        if packet.track_id != id {
            continue;
        }
        match decoder.decode(&packet) {
            Ok(decoded) => {
                bad_in_a_row = 0;
                let (channels, packet_rate) = (decoded.spec().channels().count(), decoded.spec().rate());
                if !(1..=MAX_RATE).contains(&packet_rate) || channels == 0 {
                    return Err(format!("its rate of {packet_rate} Hz with {channels} channels is not usable"));
                }
                if rate != 0 && rate != packet_rate {
                    return Err("its sample rate changes in the middle".to_owned());
                }
                if rate == 0 {
                    rate = packet_rate;
                    // Converted as it comes: half an hour at 192 kHz would take 1.4 GB.
                    resampler = to.filter(|&to| to != rate).and_then(|to| StreamResampler::new(rate, to));
                }
                decoded.copy_to_vec_interleaved(&mut interleaved);
                let scale = 1.0 / channels as f32;
                let clean = |s: f32| if s.is_finite() { s } else { 0.0 };
                mono.clear();
                mono.extend(interleaved.chunks_exact(channels).map(|f| f.iter().map(|&s| clean(s)).sum::<f32>() * scale));
                match &mut resampler {
                    Some(resampler) => resampler.push(&mono, &mut out),
                    None => out.extend_from_slice(&mono),
                }
                frames += mono.len() as u64;
                if frames > u64::from(rate) * 60 * MAX_MINUTES {
                    return Err(format!("it is longer than {MAX_MINUTES} minutes"));
                }
            }
            Err(error @ (Error::DecodeError(_) | Error::IoError(_))) => {
                first_error.get_or_insert(error);
                bad_in_a_row += 1;
                if bad_in_a_row > MAX_BAD_PACKETS {
                    break;
                }
            }
            Err(error) => {
                first_error.get_or_insert(error);
                break;
            }
        }
    }
    if let Some(resampler) = &mut resampler {
        resampler.flush(&mut out);
    }
    match (out.is_empty(), first_error) {
        (true, Some(error)) => Err(format!("it is damaged ({})", words(&error))),
        (true, None) => Err("it has no sound in it".to_owned()),
        (false, error) => {
            if let Some(error) = error {
                tracing::debug!(%error, frames, "the audio file is damaged; what could be read is used");
            }
            Ok((out, to.unwrap_or(rate)))
        }
    }
}

fn not_audio(error: &Error) -> String {
    match error {
        // No reader knows it; which part of the library said so helps nobody.
        Error::Unsupported(_) => "it is no audio file that can be read".to_owned(),
        other => format!("it is no audio file that can be read ({})", words(other)),
    }
}

/// The library's error for people.
fn words(error: &Error) -> String {
    match error {
        Error::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => "it ends too early".to_owned(),
        Error::IoError(error) => plain(error),
        other => other.to_string(),
    }
}

fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it is not there".to_owned(),
        std::io::ErrorKind::PermissionDenied => "it may not be read".to_owned(),
        _ => reason(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::testing::{power_at, sine};
    use std::io::Write;

    fn speech(name: &str) -> Option<std::path::PathBuf> {
        let path = crate::audio::testing::shared()?.join("models/speech").join(name);
        path.exists().then_some(path)
    }

    fn write(dir: &Path, spec: hound::WavSpec, frames: &[f32]) -> std::path::PathBuf {
        let path = dir.join(format!("{}-{:?}.wav", spec.bits_per_sample, spec.sample_format));
        let mut writer = hound::WavWriter::create(&path, spec).unwrap();
        for &s in frames {
            for _ in 0..spec.channels {
                match spec.sample_format {
                    hound::SampleFormat::Float => writer.write_sample(s).unwrap(),
                    hound::SampleFormat::Int => {
                        let top = ((1i64 << (spec.bits_per_sample - 1)) - 1) as f32;
                        writer.write_sample((s * top) as i32).unwrap();
                    }
                }
            }
        }
        writer.finalize().unwrap();
        path
    }

    #[test]
    fn wav_files_of_every_depth_rate_and_channel_count_are_read() {
        let dir = tempfile::tempdir().unwrap();
        for (bits, sample_format, channels, rate) in [
            (8, hound::SampleFormat::Int, 1, 8_000),
            (16, hound::SampleFormat::Int, 6, 48_000),
            (24, hound::SampleFormat::Int, 2, 192_000),
            (32, hound::SampleFormat::Int, 1, 11_025),
            (32, hound::SampleFormat::Float, 2, 44_100),
        ] {
            let spec = hound::WavSpec { channels, sample_rate: rate, bits_per_sample: bits, sample_format };
            let path = write(dir.path(), spec, &sine(440.0, rate, 0.5));
            let clip = read_audio(&path).unwrap();
            assert_eq!((clip.rate, clip.samples.len()), (rate, rate as usize / 2), "{bits} bits");
            let pcm = read_audio_16k(&path).unwrap();
            assert_eq!(pcm.millis(), 500);
            let power = power_at(&pcm.0, 440.0, 16_000);
            assert!((power - 0.25).abs() < 0.01, "{bits} bits: {power}");
        }
    }

    #[test]
    fn a_law_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("alaw.wav");
        // G.711: 0xD5 is the smallest positive value, 0xAA the largest positive, 0x2A the largest negative one.
        let data: Vec<u8> = [0xAA, 0x2A].repeat(4_000);
        let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x12\0\0\0".to_vec();
        bytes[4..8].copy_from_slice(&(38 + data.len() as u32).to_le_bytes());
        for field in [6u16, 1] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(8_000u32.to_le_bytes());
        bytes.extend(8_000u32.to_le_bytes());
        for field in [1u16, 8, 0] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(b"data");
        bytes.extend((data.len() as u32).to_le_bytes());
        bytes.extend(&data);
        std::fs::write(&path, bytes).unwrap();
        let clip = read_audio(&path).unwrap();
        assert_eq!((clip.rate, clip.samples.len()), (8_000, 8_000));
        assert!(clip.samples[0] > 0.9 && clip.samples[1] < -0.9, "{:?}", &clip.samples[..2]);
    }

    #[test]
    fn numbers_that_are_none_become_silence() {
        let dir = tempfile::tempdir().unwrap();
        let spec = hound::WavSpec { channels: 1, sample_rate: 16_000, bits_per_sample: 32, sample_format: hound::SampleFormat::Float };
        let path = write(dir.path(), spec, &[f32::NAN, f32::INFINITY, 0.25]);
        assert_eq!(read_audio_16k(&path).unwrap().0[..], [0.0, 0.0, 0.25]);
    }

    #[test]
    fn flac_and_wav_of_the_same_speech_agree() {
        let (Some(flac), Some(wav)) = (speech("jfk.flac"), speech("jfk.wav")) else {
            println!("skipped: needs the speech clips jfk.flac and jfk.wav");
            return;
        };
        let (flac, wav) = (read_audio_16k(&flac).unwrap(), read_audio_16k(&wav).unwrap());
        assert_eq!(wav.millis(), 11_000);
        assert!(flac.millis().abs_diff(wav.millis()) < 20);
        let n = flac.0.len().min(wav.0.len());
        let (mut dot, mut a, mut b) = (0.0f64, 0.0f64, 0.0f64);
        for (&x, &y) in flac.0[..n].iter().zip(&wav.0[..n]) {
            let (x, y) = (f64::from(x), f64::from(y));
            (dot, a, b) = (dot + x * y, a + x * x, b + y * y);
        }
        assert!(dot / (a * b).sqrt() > 0.95, "{}", dot / (a * b).sqrt());
    }

    #[test]
    fn files_that_are_no_audio_are_refused_with_a_sentence() {
        let dir = tempfile::tempdir().unwrap();
        let say = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
            read_audio(&path).unwrap_err().to_string()
        };
        assert!(say("empty.wav", b"").contains("it is empty"));
        assert!(say("text.wav", b"Hello, this is no sound at all.\n".repeat(100).as_slice()).contains("no audio file"));
        assert!(read_audio(&dir.path().join("missing.wav")).unwrap_err().to_string().contains("is not there"));
        assert!(read_audio(dir.path()).unwrap_err().to_string().contains("a folder and no file"));
        let spec = hound::WavSpec { channels: 1, sample_rate: 16_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
        let silent = write(dir.path(), spec, &[]);
        let error = read_audio(&silent).unwrap_err().to_string();
        assert!(error.contains("has no sound in it"), "{error}");
    }

    #[test]
    fn a_cut_file_gives_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let spec = hound::WavSpec { channels: 1, sample_rate: 16_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
        let whole = std::fs::read(write(dir.path(), spec, &sine(440.0, 16_000, 1.0))).unwrap();
        let cut = dir.path().join("cut.wav");
        std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
        let read = read_audio(&cut).unwrap();
        assert!((450..=500).contains(&(read.millis() as u64)), "{}", read.millis());
        std::fs::write(&cut, &whole[..30]).unwrap();
        assert!(read_audio(&cut).is_err());
        if let Some(flac) = speech("jfk.flac") {
            let whole = std::fs::read(flac).unwrap();
            let cut = dir.path().join("cut.flac");
            std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
            assert!((3_000.0..9_000.0).contains(&read_audio(&cut).unwrap().millis()));
        }
    }

    #[test]
    fn damaged_bytes_never_panic() {
        let dir = tempfile::tempdir().unwrap();
        let spec = hound::WavSpec { channels: 2, sample_rate: 16_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
        let mut inputs = vec![("wav", std::fs::read(write(dir.path(), spec, &sine(440.0, 16_000, 0.05))).unwrap())];
        if let Some(flac) = speech("jfk.flac") {
            inputs.push(("flac", std::fs::read(flac).unwrap()[..60_000].to_vec()));
        }
        for (extension, bytes) in inputs {
            let path = dir.path().join(format!("bad.{extension}"));
            for (round, r) in crate::audio::testing::noise(7, 200).into_iter().enumerate() {
                let mut bytes = bytes.clone();
                let at = ((f64::from(r) * 0.5 + 0.5) * bytes.len().min(400) as f64) as usize % bytes.len();
                bytes[at] = bytes[at].wrapping_add(1 + (round % 255) as u8);
                std::fs::write(&path, &bytes).unwrap();
                if let Ok(clip) = read_audio(&path) {
                    assert!(!clip.samples.is_empty() && clip.samples.iter().all(|s| s.is_finite()));
                }
            }
        }
    }
}
