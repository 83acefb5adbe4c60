use super::*;

fn record() -> Record {
    Record {
        format: 1,
        id: "whisper-base".into(),
        name: "Whisper base".into(),
        kind: ModelKind::Stt,
        installed: now(),
        from: "the hub".into(),
        licence: Some("MIT".into()),
        languages: vec!["en".into()],
        files: vec![RecordFile { name: "ggml-base.bin".into(), bytes: 5, sha256: "0".repeat(64), as_expected: Some(true) }],
    }
}

#[test]
fn what_was_written_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    record().write(dir.path()).unwrap();
    assert_eq!(Record::read(dir.path()), Some(record()));
    assert_eq!(record().bytes(), 5);
    let text = std::fs::read_to_string(dir.path().join(FILE)).unwrap();
    assert!(text.starts_with("# Written by Hark") && text.contains("kind = \"stt\""), "{text}");
}

/// A record broken in this way; the number chooses it.
fn broken(text: &str, way: usize) -> Vec<u8> {
    let bytes = text.as_bytes();
    let replaced = |from: &str, to: &str| text.replacen(from, to, 1).into_bytes();
    match way {
        0 => Vec::new(),
        1 => b"\xff\xfe\0\0".to_vec(),
        2 => vec![b'#'; (1 << 18) + 1],
        3 => replaced("format = 1", "format = 2"),
        4 => replaced("format = 1", "format = \"1\""),
        5 => replaced("\"whisper-base\"", "\"../../etc\""),
        6 => replaced("\"whisper-base\"", "\"\""),
        7 => replaced("ggml-base.bin", "../ggml-base.bin"),
        8 => replaced("ggml-base.bin", "/etc/passwd"),
        9 => replaced("ggml-base.bin", "hark-model.toml"),
        10 => replaced("\"stt\"", "\"toaster\""),
        11 => replaced("bytes = 5", "bytes = -5"),
        12 => replaced("bytes = 5", "bytes = 99999999999999999999"),
        13 => replaced(&"0".repeat(64), "abc"),
        14 => replaced(&"0".repeat(64), &"Z".repeat(64)),
        15 => replaced("[[file]]", "[file]"),
        16 => replaced("[[file]]", "[[files]]"),
        17 => format!("{}\n", "[".repeat(20_000)).into_bytes(),
        18 => format!("{text}{}", "[[file]]\nname = \"a\"\nbytes = 1\nsha256 = \"\"\n".repeat(300)).into_bytes(),
        19 => replaced("as_expected = true", "as_expected = 7"),
        // Cut at thirty places before the last value is whole.
        cut => bytes[..bytes.len().saturating_sub(20) * (cut - 19) / 32].to_vec(),
    }
}

#[test]
fn a_record_broken_in_fifty_ways_is_no_record() {
    let dir = tempfile::tempdir().unwrap();
    record().write(dir.path()).unwrap();
    let text = std::fs::read_to_string(dir.path().join(FILE)).unwrap();
    for way in 0..50 {
        std::fs::write(dir.path().join(FILE), broken(&text, way)).unwrap();
        assert_eq!(Record::read(dir.path()), None, "way {way}: {}", String::from_utf8_lossy(&broken(&text, way)));
    }
}

#[cfg(unix)]
#[test]
fn a_record_that_is_a_pipe_or_a_folder_does_not_stop_anybody() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(FILE)).unwrap();
    assert_eq!(Record::read(dir.path()), None);
    std::fs::remove_dir(dir.path().join(FILE)).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(dir.path().join(FILE)).status().unwrap().success());
    assert_eq!(Record::read(dir.path()), None);
}
