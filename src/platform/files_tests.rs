#![allow(clippy::unwrap_used)] // helpers of tests are not recognised as tests

use super::*;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::{Duration, Instant};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn what_is_no_file_is_refused_at_once_with_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (pipe, socket) = (folder.path().join("pipe"), folder.path().join("socket"));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let begin = Instant::now();
    for (path, what) in
        [(pipe.as_path(), "a pipe"), (&socket, "a socket"), (folder.path(), "a folder"), (Path::new("/dev/zero"), "a device")]
    {
        let error = open(path).unwrap_err();
        assert_eq!(error.to_string(), format!("it is {what} and no file"), "{}", path.display());
        assert!(read_text(path, 10).is_err());
    }
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert_eq!(open(&folder.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    let file = folder.path().join("file");
    fs::write(&file, "four").unwrap();
    assert_eq!((read_text(&file, 4).unwrap().as_str(), read_text(&file, 3).unwrap_err().to_string().as_str()), ("four", "it is too long"));
}

#[test]
fn what_is_ours_is_for_its_owner_and_follows_no_link() {
    let folder = tempfile::tempdir().unwrap();
    let private = folder.path().join("a/b");
    private_folder(&private).unwrap();
    assert_eq!((mode(&private), mode(private.parent().unwrap())), (0o700, 0o700));
    fs::set_permissions(&private, PermissionsExt::from_mode(0o755)).unwrap();
    private_folder(&private).unwrap();
    assert_eq!(mode(&private), 0o700, "an old one is closed");
    let (file, victim) = (private.join("f"), folder.path().join("victim"));
    fs::write(&victim, "a letter").unwrap();
    symlink(&victim, &file).unwrap();
    write_private(&file, b"ours").unwrap();
    assert_eq!((fs::read_to_string(&victim).unwrap(), fs::read_to_string(&file).unwrap()), ("a letter".into(), "ours".into()));
    assert_eq!(mode(&file), 0o600);
    let failed = replace_private(&file, &mut |draft| draft.write_all(b"half").and(Err(io::Error::other("full"))));
    assert!(failed.is_err() && fs::read_to_string(&file).unwrap() == "ours");
    assert_eq!(fs::read_dir(&private).unwrap().count(), 1, "no draft stays");
    let result = folder.path().join("answer.wav");
    drop(create_result(&result).unwrap());
    assert_eq!(mode(&result), 0o600);
    fs::set_permissions(&result, PermissionsExt::from_mode(0o644)).unwrap();
    drop(create_result(&result).unwrap());
    assert_eq!(mode(&result), 0o644, "who opened it to others meant it");
}

#[test]
fn what_was_checked_is_what_is_read_whatever_lies_there_then() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("m.gguf"), folder.path().join("other"));
    fs::write(&path, "good").unwrap();
    fs::write(&other, "evil").unwrap();
    let checked = Checked::new(open(&path).unwrap(), &path);
    assert!(checked.must_be_the_same().is_ok());
    fs::rename(&other, &path).unwrap();
    // Elsewhere the engine reads the path, and what it read is not used.
    let read = fs::read_to_string(checked.path()).unwrap();
    assert!(if cfg!(target_os = "linux") { read == "good" } else { checked.must_be_the_same().is_err() });
}

#[test]
fn a_time_that_was_set_back_deceives_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.gguf");
    fs::write(&path, "good").unwrap();
    let before = Identity::at(&path).unwrap();
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    std::thread::sleep(Duration::from_millis(20));
    fs::write(&path, "evil").unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    let after = Identity::at(&path).unwrap();
    assert_eq!((before.bytes, before.changed), (after.bytes, after.changed));
    assert_ne!(before, after);
    assert_eq!(Identity::at(folder.path()), None);
}
