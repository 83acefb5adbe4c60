//! Errors as they are made, said in Chinese as a whole.

use super::chinese;
use crate::audio::AudioError;
use crate::config::load;
use crate::error::{Stage, StageError};
use crate::llm::ChatError;
use crate::models::catalog::ModelKind;
use crate::models::check::{ggml, gguf, onnx::OnnxFault};
use crate::models::fault::{Fault, InstallError};
use crate::models::fetch::FetchError;
use crate::models::policy::Reason;
use crate::models::probe::{ProbeError, ProbeKind};
use crate::platform::hotkey::TalkKey;
use crate::stt::TranscribeError;
use crate::tts::SynthesisError;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// No English is left but names, which are written in capitals or with a sign here, and commands.
fn is_whole(english: &str) {
    let said = chinese(english).into_owned();
    let mut bare = said.clone();
    for command in ["hark models remove", "hark models pack", "hark models import", "hark models list", "hark settings", "hark doctor"] {
        bare = bare.replace(command, "");
    }
    let words = |text: &str| text.split_whitespace().filter(|word| word.len() > 1 && word.bytes().all(|b| b.is_ascii_lowercase())).count();
    assert!(bare.split(|c: char| !c.is_ascii()).all(|run| words(run) < 3), "{english}\n{said}");
    assert!(said != english && !said.contains(". "), "{english}\n{said}");
}

fn are_whole(error: impl Into<StageError>) {
    let error = error.into();
    is_whole(&error.message);
    if !error.hint.is_empty() {
        is_whole(&error.hint);
    }
    is_whole(&error.to_string());
}

fn path() -> PathBuf {
    PathBuf::from("/m/a.b/Qwen 3.gguf")
}

#[test]
fn faults_of_the_engines() {
    let reason = || "it is cut off or damaged".to_owned();
    are_whole(TranscribeError::ModelMissing(path()));
    are_whole(TranscribeError::ModelCorrupt { path: path(), reason: reason() });
    are_whole(TranscribeError::OutOfMemory(path()));
    are_whole(TranscribeError::Engine("the language was not found (-1)".into()));
    are_whole(ChatError::ModelMissing(path()));
    are_whole(ChatError::ModelCorrupt { path: path(), reason: reason() });
    are_whole(ChatError::OutOfMemory(path()));
    are_whole(ChatError::ContextFull { tokens: 5000, room: 1800 });
    are_whole(ChatError::Engine("its memory of the conversation is full".into()));
    are_whole(SynthesisError::VoiceMissing(path()));
    are_whole(SynthesisError::VoiceCorrupt { path: path(), reason: "its config A.onnx.json names no language for espeak-ng".into() });
    are_whole(SynthesisError::RuntimeMissing("ONNX Runtime, which VITS voices need,".into()));
    are_whole(SynthesisError::RuntimeMissing(
        "ONNX Runtime, which ORT_DYLIB_PATH says is /x.so: there is no such file; a usable one".into(),
    ));
    are_whole(SynthesisError::RuntimeMissing("espeak-ng's data (the folder espeak-ng-data with phontab and phondata)".into()));
    are_whole(SynthesisError::Unreadable("The voice A knows none of the words of this text".into()));
    are_whole(SynthesisError::Unsupported("The voice A has only one speaker, number 0, and 3 was asked for".into()));
    are_whole(SynthesisError::Unsupported("The voice A has the speakers 0 to 8, and 30 was asked for".into()));
    are_whole(SynthesisError::Unsupported("espeak-ng does not speak \"xx\"; it does speak en-us, en-gb".into()));
    are_whole(SynthesisError::OutOfMemory(path()));
    are_whole(SynthesisError::Engine("its acoustic model gives nothing".into()));
    for fault in [
        OnnxFault::NotOnnx,
        OnnxFault::Damaged,
        OnnxFault::TooLarge,
        OnnxFault::ExternalData("W".into()),
        OnnxFault::Shape("W".into()),
        OnnxFault::Excessive,
        OnnxFault::Lacks("graph"),
        OnnxFault::Lacks("known format version"),
        OnnxFault::Unreadable("not a file".into()),
    ] {
        are_whole(SynthesisError::VoiceCorrupt { path: path(), reason: fault.to_string() });
    }
}

#[test]
fn faults_of_files_that_are_broken_in_any_way() {
    // The beginning of a file that is right in all but one place, and files that are cut anywhere.
    let mut ggml_file: Vec<u8> =
        [0x6767_6d6c, 51_864, 1500, 384, 6, 4, 448, 384, 6, 4, 80, 1, 80, 201].iter().flat_map(|n: &i32| n.to_le_bytes()).collect();
    ggml_file.extend(vec![0; 80 * 201 * 4]);
    ggml_file.extend([1, 1].iter().flat_map(|n: &i32| n.to_le_bytes()));
    ggml_file.extend(b" \x09\0\0\0");
    for at in 0..56 {
        let mut broken = ggml_file.clone();
        broken[at] ^= 0x55;
        refused(ggml::check(Cursor::new(broken)).map_err(|error| error.reason));
    }
    for len in [0, 2, 4, 20, 56, 100, ggml_file.len() - 6, ggml_file.len() - 5, ggml_file.len()] {
        refused(ggml::check(Cursor::new(ggml_file.get(..len).unwrap())).map_err(|error| error.reason));
    }
    let mut gguf_file = b"GGUF\x03\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0".to_vec();
    gguf_file.extend(b"\x14\0\0\0\0\0\0\0general.architecture\x08\0\0\0\x05\0\0\0\0\0\0\0llama");
    gguf_file.extend(b"\x15\0\0\0\0\0\0\0tokenizer.ggml.tokens\x09\0\0\0\x08\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0a");
    for at in 0..gguf_file.len() {
        for flip in [0x01, 0xff] {
            let mut broken = gguf_file.clone();
            broken[at] ^= flip;
            refused(gguf::check(Cursor::new(broken)).map_err(|refusal| refusal.0));
            refused(gguf::check(Cursor::new(gguf_file.get(..at).unwrap())).map_err(|refusal| refusal.0));
        }
    }
}

#[test]
fn faults_of_models_that_are_converted() {
    use crate::models::ctranslate2::make::{Model, vocabulary};
    use crate::models::ctranslate2::{Conversion, Tokens, Weights, beside};
    let good = Model::of(1);
    let list = |list: &[String]| Tokens::parse("vocabulary.json", serde_json::to_string(list).unwrap().as_bytes());
    let said = |bytes: &[u8], tokens: &dyn Fn() -> Result<Tokens, ggml::CheckError>| {
        refused(Conversion::plan(Cursor::new(bytes), tokens, Weights::F16).map_err(|error| error.reason));
    };
    let (parts, right) = (good.parts(), || list(&vocabulary()));
    let mut at = 0;
    for (number, part) in parts.iter().enumerate().take(40) {
        let ends = [at, at + part.len() / 2, at + part.len() - 1];
        at += part.len();
        for end in ends.into_iter().filter(|_| number % 2 == 0) {
            let mut bytes = parts.concat();
            said(&bytes[..end], &right);
            bytes[end] ^= 0x55;
            said(&bytes, &right);
        }
    }
    let changes: [&dyn Fn(&mut Model); 6] = [
        &|m| m.get("decoder/pre_norm").data = vec![0],
        &|m| m.get("encoder/conv1/bias").kind = 2,
        &|m| m.get("encoder/conv1/weight_scale").dims = vec![4, 8],
        &|m| m.get("encoder/conv1/bias").dims = vec![4, 8],
        &|m| m.variables.push(crate::models::ctranslate2::make::Made { name: "decoder/more".into(), ..m.variables[0].clone() }),
        &|m| m.variables.push(m.variables[0].clone()),
    ];
    for change in changes {
        let mut model = good.clone();
        change(&mut model);
        said(&model.bytes(), &right);
    }
    let with = |at: usize, token: &str| {
        let mut all = vocabulary();
        all[at] = token.to_owned();
        all
    };
    for tokens in [vec![], with(0, "x"), with(9, "a b"), with(50_256, "x")] {
        said(&good.bytes(), &|| list(&tokens));
    }
    said(&good.bytes(), &|| Tokens::parse("tokenizer.json", b"[]"));
    said(&good.bytes(), &|| beside(Path::new("/no/such/model.bin")));
}

fn refused<T>(result: Result<T, String>) {
    if let Err(reason) = result {
        is_whole(&format!("The chat model A cannot be used: {reason}."));
    }
}

#[test]
fn faults_of_devices() {
    for (kind, stage) in [("microphone", Stage::Capture), ("speaker", Stage::Playback)] {
        are_whole(AudioError::NoDevice(kind).at(stage));
        are_whole(AudioError::DeviceUnavailable { kind, name: "USB Audio".into() }.at(stage));
        are_whole(AudioError::PermissionDenied(kind).at(stage));
        are_whole(AudioError::Device { kind, reason: "another program is using it".into() }.at(stage));
    }
    are_whole(AudioError::File { path: path(), reason: "it is empty".into() }.at(Stage::Stt));
    are_whole(AudioError::Unwritable { path: path(), reason: "the disk is full".into() }.at(Stage::Playback));
    for key in ["", "Ctrl+Alt+Delete", "A", "Ctrl+nonsense words"] {
        if let Err(error) = TalkKey::register(key, Box::new(|_| {})) {
            are_whole(error);
        }
    }
}

#[test]
fn faults_of_downloads_and_installations() {
    let (name, host) = ("a.gguf".to_owned(), "hub.test".to_owned());
    let unreachable = |why: &str| FetchError::Unreachable { host: host.clone(), why: why.into() };
    let mut all = ["its name was not found", "the proxy refuses connections", "it refuses connections", "the connection was cut"]
        .map(unreachable)
        .to_vec();
    let (n, h, statuses) = (name, host.clone(), [401, 404, 500]);
    all.extend(statuses.map(|status| FetchError::Refused { name: n.clone(), host: h.clone(), status }));
    all.push(FetchError::NotFound { name: n.clone(), host: h.clone() });
    all.push(FetchError::WrongContent { name: n.clone(), host: h.clone(), why: "it has 5 bytes, not 7".into() });
    all.push(FetchError::WrongHash { name: n.clone(), expected: "00".into(), got: "11".into() });
    all.push(FetchError::NoRoom { name: n.clone(), needs_bytes: 5_000_000_000, free_bytes: 1_000 });
    all.push(FetchError::DiskFull { name: n });
    all.push(FetchError::CannotWrite { path: "/m".into(), why: "a folder stands there".into() });
    all.push(FetchError::Stalled { host: h, seconds: 30 });
    all.push(FetchError::Busy { path: "/m".into() });
    all.push(FetchError::ChildEnded { why: "it crashed with signal 11".into() });
    all.push(FetchError::BadJob { why: "\"a\" stands in it twice".into() });
    for error in all {
        is_whole(error.hint());
        are_whole(error);
    }
    let errors = [
        io::Error::from(io::ErrorKind::NotFound),
        io::Error::from(io::ErrorKind::PermissionDenied),
        io::Error::from(io::ErrorKind::StorageFull),
        io::Error::from(io::ErrorKind::NotADirectory),
        io::Error::from_raw_os_error(5),
        io::Error::from_raw_os_error(24),
        io::Error::other("it is full of leftovers"),
    ];
    for error in &errors {
        are_whole(InstallError::unreadable(&path(), error));
        are_whole(InstallError::unwritable(&path(), error));
        is_whole(&format!("{} cannot be read: {}.", path().display(), crate::error::reason(error)));
    }
    are_whole(InstallError::refused(&path(), "it is empty"));
    are_whole(InstallError::refused(&path(), "The voice A was not found."));
    are_whole(InstallError::no_room(Path::new("/m"), 3_000_000, 500));
    are_whole(crate::models::incoming::taken("qwen", Path::new("/m/chat/qwen")));
    are_whole(InstallError::new(Fault::Network, "The file a of b did not come.", "Try again; it goes on where it stopped."));
}

#[test]
fn faults_of_trials_and_what_memory_decides() {
    let mut all = vec![ProbeError::Crashed("SIGSEGV".into()), ProbeError::Aborted, ProbeError::OutOfMemory, ProbeError::Killed];
    all.extend([ProbeError::TooLong(Duration::from_secs(90)), ProbeError::Fault, ProbeError::NoAnswer, ProbeError::Cancelled]);
    all.push(ProbeError::Unavailable("No such file or directory (os error 2)".into()));
    all.push(ProbeError::Refused { message: "The voice A was not found.".into(), hint: "Try again.".into() });
    for error in all {
        for kind in [ProbeKind::Stt, ProbeKind::Chat, ProbeKind::Voice] {
            are_whole(error.at(kind, &path()));
        }
    }
    let smaller =
        |free_bytes| Reason::Smaller { kind: ModelKind::Chat, wished: ("Large".into(), 6_000_000_000), used: "Small 1".into(), free_bytes };
    let reasons = [
        smaller(1_000_000_000),
        smaller(3_000_000_000),
        Reason::Tight { need_bytes: 3_000_000_000, free_bytes: 90_000_000 },
        Reason::Battery { stt_threads: 1, chat_threads: 4 },
        Reason::BatteryIgnored,
    ];
    for reason in reasons {
        is_whole(&reason.sentence());
        if !reason.hint().is_empty() {
            is_whole(reason.hint());
        }
    }
}

#[test]
fn notices_of_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    for text in
        ["[voice]\nspeed = 99.0\n[window]\ntheme = 3\n[hearing]\nlanguages = [\"Klingon\"]\n", "voice = 3\n", "[voice]\nspeed = \"fast\"\n"]
    {
        std::fs::write(&file, text).unwrap();
        let loaded = load::load(&file);
        assert!(!loaded.notices.is_empty());
        loaded.notices.into_iter().for_each(are_whole);
    }
}
