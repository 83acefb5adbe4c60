//! Sound in unusual forms is heard; what has no speech in it, or is no sound, is said.

use super::*;
use hound::{SampleFormat, WavSpec, WavWriter};

/// The samples of the recorded question, 16 kHz.
fn samples() -> Vec<i16> {
    let mut reader = hound::WavReader::open(question()).unwrap();
    assert_eq!((reader.spec().sample_rate, reader.spec().channels), (16_000, 1));
    reader.samples::<i16>().map(Result::unwrap).collect()
}

fn spec(channels: u16, sample_rate: u32, bits_per_sample: u16) -> WavSpec {
    WavSpec {
        channels,
        sample_rate,
        bits_per_sample,
        sample_format: if bits_per_sample == 32 { SampleFormat::Float } else { SampleFormat::Int },
    }
}

fn write<S: hound::Sample>(home: &Home, name: &str, spec: WavSpec, samples: impl IntoIterator<Item = S>) -> String {
    let mut writer = WavWriter::create(home.path(name), spec).unwrap();
    samples.into_iter().for_each(|sample| writer.write_sample(sample).unwrap());
    writer.finalize().unwrap();
    home.name(name)
}

/// Three seconds of white noise.
fn noise(loudness: f32) -> impl Iterator<Item = f32> {
    let mut state = 1u32;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        loudness * ((state >> 8) as f32 / (1 << 23) as f32 - 1.0)
    })
    .take(48_000)
}

#[test]
fn odd_forms_of_a_recording_are_heard_right() {
    let Some(ears) = starter_ears() else { return };
    let (home, heard) = (Home::new(), samples());
    let eight = heard.iter().map(|&s| s >> 8);
    // Front left and right, centre, a silent subwoofer, rear left and right.
    let surround = heard.iter().flat_map(|&s| [s, s, s, 0, s, s]);
    let fast = heard.windows(2).flat_map(|pair| {
        let (a, b) = (i32::from(pair[0]), i32::from(pair[1]));
        (0..12).map(move |n| (a + (b - a) * n / 12) as i16)
    });
    let holes = heard.iter().enumerate().map(|(n, &s)| if n % 97 == 0 { f32::NAN } else { f32::from(s) / 32_768.0 });
    let files = [
        write(&home, "eight-bit.wav", spec(1, 16_000, 8), eight),
        write(&home, "surround.wav", spec(6, 16_000, 16), surround),
        write(&home, "fast.wav", spec(1, 192_000, 16), fast),
        write(&home, "holes.wav", spec(1, 16_000, 32), holes),
    ];
    let mut args = vec!["transcribe", "--stt", &ears];
    args.extend(files.iter().map(String::as_str));
    let ended = home.run(&args);
    ended.good();
    let expected: String = files.iter().map(|file| format!("{file}: {QUESTION}\n")).collect();
    assert_eq!(ended.out, expected);
}

#[test]
fn files_that_are_no_sound_are_said_one_by_one() {
    let home = Home::silent();
    let whole = std::fs::read(question()).unwrap();
    let bad = [
        write(&home, "nothing.wav", spec(1, 16_000, 16), std::iter::empty::<i16>()),
        home.write("header.wav", &whole[..30]),
        home.write("text.wav", &b"Hello, this is no sound.\n".repeat(40)),
        home.write("empty.wav", b""),
        home.name("missing.wav"),
        home.0.path().to_str().unwrap().to_owned(),
    ];
    for file in &bad {
        let ended = home.run(&["ask", "--json", "--wav", file]);
        ended.refused(1);
        assert!(ended.err.contains(file.as_str()) && ended.took < AT_ONCE, "{}", ended.err);
        assert!(ended.out.lines().count() == 1 && ended.events("error").len() == 1, "{}", ended.out);
    }
    let Some(ears) = starter_ears() else { return };
    let good = question();
    let mut args = vec!["transcribe", "--json", "--stt", &ears];
    args.extend(bad.iter().map(String::as_str));
    args.push(&good);
    let ended = home.run(&args);
    ended.refused(bad.len());
    let last: Value = serde_json::from_str(ended.out.lines().last().unwrap()).unwrap();
    assert_eq!(last["text"], QUESTION, "one bad file does not cost the others");
}

#[test]
fn where_nothing_was_said_nothing_is_invented_and_the_model_is_not_asked() {
    let (Some(ears), Some(chat)) = (starter_ears(), quick_chat()) else { return };
    let home = Home::silent();
    let clips = [
        write(&home, "silence.wav", spec(1, 16_000, 16), std::iter::repeat_n(0i16, 48_000)),
        write(&home, "hiss.wav", spec(1, 16_000, 32), noise(0.02)),
        write(&home, "noise.wav", spec(1, 16_000, 32), noise(0.3)),
        write(&home, "none.wav", spec(1, 16_000, 32), std::iter::repeat_n(f32::NAN, 48_000)),
    ];
    let mut args = vec!["ask", "--json", "--stt", &ears, "--chat", &chat, "--max-tokens", "4"];
    clips.iter().for_each(|clip| args.extend(["--wav", clip]));
    let ended = home.run(&args);
    ended.refused(clips.len());
    assert!(ended.err.lines().all(|line| line.contains("Nothing was heard")), "{}", ended.err);
    assert_eq!(ended.events("error").len(), clips.len());
    assert_eq!(ended.out.lines().count(), clips.len(), "no question, no answer, no figures: {}", ended.out);

    let mut args = vec!["transcribe", "--stt", &ears];
    args.extend(clips.iter().map(String::as_str));
    let ended = home.run(&args);
    ended.refused(clips.len());
    assert_eq!(ended.out, "");
    // After a turn without words the next one is answered.
    let ended = home.run(&["ask", "--json", "--stt", &ears, "--chat", &chat, "--max-tokens", "4", "--wav", &clips[0], "--text", "Hello"]);
    ended.refused(1);
    assert_eq!((ended.texts("user_text"), ended.events("timing").len()), (vec!["Hello".to_owned()], 1));
}
