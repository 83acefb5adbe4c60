use super::*;

const URL: &str = "https://me:secret@hub.test/m.bin?token=secret";

fn open(folder: &Path) -> Part {
    Part::open(folder, "m.bin", &mut |_| true).unwrap().unwrap()
}

fn head(etag: &str) -> Head {
    Head { status: 200, etag: Some(etag.into()), last_modified: Some("Mon".into()), ..Head::default() }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_part_is_gone_on_with_where_it_came_from_and_nothing_secret_is_written_down() {
    let dir = tempfile::tempdir().unwrap();
    let mut part = open(dir.path());
    assert_eq!((part.len(), part.resume(URL)), (0, None));
    part.start(URL, &head("\"a\""), Some(6)).unwrap();
    part.append(b"abc").unwrap();
    drop(part);
    let note = fs::read_to_string(dir.path().join("m.bin.part.toml")).unwrap();
    assert!(note.contains("https://hub.test/m.bin") && !note.contains("secret"), "{note}");

    let mut part = open(dir.path());
    let resume = part.resume(URL).unwrap();
    assert_eq!((resume.from, resume.validator.as_str(), resume.total), (3, "\"a\"", Some(6)));
    assert!(part.resume("https://mirror.test/m.bin").is_none());
    part.append(b"def").unwrap();
    assert_eq!(part.sha256(), hex(&Sha256::digest(b"abcdef")));
    part.finish().unwrap();
    assert_eq!(names(dir.path()), ["m.bin"]);
    assert_eq!(fs::read(dir.path().join("m.bin")).unwrap(), b"abcdef");
}

#[test]
fn a_weak_tag_is_no_tag_and_without_any_it_starts_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut part = open(dir.path());
    part.start(URL, &head("W/\"a\""), None).unwrap();
    part.append(b"abc").unwrap();
    let resume = part.resume(URL).unwrap();
    assert_eq!((resume.validator.as_str(), resume.etag), ("Mon", None));
    part.start(URL, &Head { last_modified: None, ..head("W/\"a\"") }, None).unwrap();
    part.append(b"abc").unwrap();
    assert!(part.resume(URL).is_none() && part.is_from(URL));
}

#[test]
fn bytes_whose_note_is_lost_or_torn_are_not_used() {
    let dir = tempfile::tempdir().unwrap();
    for note in [None, Some("source = \"https://hub"), Some("[source]"), Some("\0\0\0\0")] {
        fs::write(dir.path().join("m.bin.part"), "abc").unwrap();
        if let Some(note) = note {
            fs::write(dir.path().join("m.bin.part.toml"), note).unwrap();
        }
        assert_eq!(open(dir.path()).len(), 0, "{note:?}");
        assert!(names(dir.path()).is_empty(), "{note:?}");
    }
}

#[test]
fn starting_anew_forgets_the_old_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let mut part = open(dir.path());
    part.start(URL, &head("\"a\""), None).unwrap();
    part.append(b"old old old").unwrap();
    part.start(URL, &head("\"b\""), None).unwrap();
    part.append(b"new").unwrap();
    assert_eq!((part.len(), part.sha256()), (3, hex(&Sha256::digest(b"new"))));
    assert_eq!(fs::read(dir.path().join("m.bin.part")).unwrap(), b"new");
    part.discard().unwrap();
    assert!(names(dir.path()).is_empty());
}

#[test]
fn a_damaged_note_that_no_request_could_carry_means_from_the_beginning() {
    let dir = tempfile::tempdir().unwrap();
    for etag in ["\"a\u{1}\"", "\"a\n\"", "\"ä\"", "\"\u{fffd}\""] {
        let mut part = open(dir.path());
        part.start(URL, &head(etag), None).unwrap();
        part.append(b"abc").unwrap();
        drop(part);
        assert_eq!(open(dir.path()).resume(URL), None, "{etag:?}");
    }
}

#[test]
fn what_is_read_again_can_be_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let mut part = open(dir.path());
    part.start(URL, &head("\"a\""), None).unwrap();
    part.append(b"abc").unwrap();
    assert!(Part::open(dir.path(), "m.bin", &mut |_| false).unwrap().is_none());
}

#[test]
fn a_folder_in_the_way_is_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("m.bin.part")).unwrap();
    let error = Part::open(dir.path(), "m.bin", &mut |_| true).unwrap_err();
    assert!(error.to_string().contains("a folder stands there"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_does_not_lead_the_bytes_somewhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let victim = dir.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    std::os::unix::fs::symlink(&victim, dir.path().join("m.bin.part")).unwrap();
    let mut part = open(dir.path());
    part.start(URL, &head("\"a\""), None).unwrap();
    part.append(b"abc").unwrap();
    part.finish().unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
    assert_eq!(fs::read(dir.path().join("m.bin")).unwrap(), b"abc");
}

/// `/dev/full` is a disk that is always full.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_and_the_bytes_before_it_count() {
    let dir = tempfile::tempdir().unwrap();
    let mut part = open(dir.path());
    part.start(URL, &head("\"a\""), None).unwrap();
    part.append(b"abc").unwrap();
    part.file = Some(OpenOptions::new().write(true).open("/dev/full").unwrap());
    assert_eq!(part.append(b"def").unwrap_err(), FetchError::DiskFull { name: "m.bin".into() });
    assert_eq!((part.len(), open(dir.path()).len()), (3, 3));
}
