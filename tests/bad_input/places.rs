//! Places that cannot be written, and settings that cannot be read: the answer is given all the same.

use super::*;

/// Runs it as a user to whom permissions apply; the superuser may write everywhere.
#[cfg(unix)]
fn as_nobody(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    if may_write_everywhere() {
        command.uid(65_534).gid(65_534);
    }
}

/// A checkout in a home that is closed to others cannot be run as another user.
#[cfg(unix)]
fn nobody_gets_here() -> bool {
    use std::os::unix::fs::PermissionsExt;
    let open = |dir: &Path| std::fs::metadata(dir).is_ok_and(|about| about.permissions().mode() & 0o001 != 0);
    let places = [Path::new(env!("CARGO_BIN_EXE_hark")), Path::new(env!("CARGO_MANIFEST_DIR"))];
    let closed = may_write_everywhere() && !places.iter().flat_map(|place| place.ancestors()).all(open);
    if closed {
        println!("skipped: needs a user who is not the superuser, or a checkout that others may enter");
    }
    !closed
}

#[cfg(unix)]
fn may_write_everywhere() -> bool {
    let home = Home::new();
    permit(home.0.path(), 0o555);
    std::fs::write(home.path("probe"), "").is_ok()
}

#[cfg(unix)]
fn permit(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(unix)]
#[test]
fn a_place_where_the_sound_cannot_be_written() {
    if !nobody_gets_here() {
        return;
    }
    let home = Home::new();
    let chat = quick_chat();
    let locked = home.path("locked");
    std::fs::create_dir(&locked).unwrap();
    permit(&locked, 0o555);
    permit(home.0.path(), 0o777);
    let places = [home.name("no/x.wav"), locked.to_str().unwrap().to_owned(), home.name("locked/x.wav"), "/dev/full".to_owned()];
    for place in places.iter().filter(|place| !place.starts_with("/dev") || Path::new(place).exists()) {
        let ended = home.run_with(&["say", "Hello", "--out", place], None, as_nobody);
        ended.refused(1);
        assert!(ended.err.contains(place.as_str()), "{}", ended.err);
        let Some(chat) = &chat else { continue };
        let ended = home.run_with(
            &["ask", "--text", "Hello", "--chat", chat, "--max-tokens", "12", "--seed", "1", "--out", place],
            None,
            as_nobody,
        );
        ended.refused(1);
        assert!(ended.err.contains(place.as_str()), "{}", ended.err);
        // Where there is no folder it is known before; elsewhere the answer is there, and once.
        let answers = ended.out.matches("Hark: ").count();
        assert_eq!(answers, usize::from(!place.contains("/no/")), "{}", ended.out);
    }
    assert!(std::fs::read_dir(&locked).unwrap().next().is_none());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_stdout_is_said() {
    let Some(ears) = starter_ears() else { return };
    let home = Home::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ended = home.run_with(&["transcribe", &question(), "--stt", &ears], None, |command| {
        command.stdout(full);
    });
    ended.refused(1);
    assert!(ended.err.contains("the disk is full"), "{}", ended.err);
}

#[test]
fn settings_that_cannot_be_understood_are_kept_aside_and_the_question_is_answered() {
    let (Some(ears), question) = (starter_ears(), question()) else { return };
    for (name, text) in [("cut", &b"[voice]\nspeed = "[..]), ("binary", b"\xff\xfe\0\0"), ("large", &[b'#'; (1 << 20) + 1])] {
        let home = Home::new();
        home.write("settings.toml", text);
        let ended = home.run(&["transcribe", &question, "--stt", &ears]);
        assert_eq!((ended.code, ended.out.trim()), (0, QUESTION), "{name}: {}", ended.err);
        ended.said(2);
        assert!(ended.err.contains("settings.toml.broken-1"), "{name}: {}", ended.err);
        assert_eq!(std::fs::read(home.path("settings.toml.broken-1")).unwrap(), text, "{name}");
    }
    let home = Home::new();
    std::fs::create_dir(home.path("settings.toml")).unwrap();
    let ended = home.run(&["transcribe", &question, "--stt", &ears]);
    assert_eq!((ended.code, ended.out.trim()), (0, QUESTION), "a folder in its place: {}", ended.err);
    ended.said(2);
}

#[cfg(unix)]
#[test]
fn settings_that_may_not_be_read_or_moved_are_said() {
    if !nobody_gets_here() {
        return;
    }
    let (Some(ears), question) = (starter_ears(), question()) else { return };
    let home = Home::new();
    home.write("settings.toml", b"[broken");
    for mode in [0o000, 0o444] {
        permit(&home.path("settings.toml"), mode);
        permit(home.0.path(), 0o555);
        let ended = home.run_with(&["transcribe", &question, "--stt", &ears], None, as_nobody);
        permit(home.0.path(), 0o755);
        assert_eq!((ended.code, ended.out.trim()), (0, QUESTION), "{}", ended.err);
        ended.said(2);
        assert!(ended.err.contains("could not be put aside"), "{}", ended.err);
        assert!(home.path("settings.toml").exists());
    }
}
