use super::*;
use crate::config::settings::{ThemeChoice, UiLanguage};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_missing_file_gives_the_defaults_without_a_word() {
    let dir = folder();
    let loaded = load(&dir.path().join("settings.toml"));
    assert_eq!(loaded, Loaded { settings: Settings::default(), notices: vec![], broken: false });
}

#[test]
fn what_was_saved_is_read_again() {
    let dir = folder();
    let file = dir.path().join("new/folder/settings.toml");
    let mut settings = Settings::default();
    settings.window.theme = ThemeChoice::Light;
    settings.window.language = UiLanguage::Chinese;
    settings.audio.microphone = Some("Mikrofon »Tisch«".into());
    settings.models.voice = Some("espeak:cmn".into());
    settings.hearing.languages = vec!["en".into(), "zh".into()];
    settings.chat.seed = Some(u32::MAX);
    settings.chat.system = "Two\nlines \"quoted\"".into();
    settings.voice.noise = Some(0.0);
    save(&file, &settings).unwrap();
    let loaded = load(&file);
    assert_eq!(loaded.settings, settings);
    assert_eq!(loaded.notices, []);
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("temperature = 0.2\n"), "numbers are written as people write them:\n{text}");
}

#[cfg(unix)]
#[test]
fn only_the_user_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = folder();
    let file = dir.path().join("hark/settings.toml");
    save(&file, &Settings::default()).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(file.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_broken_file_is_kept_and_said_and_the_next_save_does_not_touch_it() {
    let dir = folder();
    let file = dir.path().join("settings.toml");
    for (n, text) in [&b"[window\nzoom = 1"[..], b"\xff\xfe\x00", b"a = \"no end"].iter().enumerate() {
        fs::write(&file, text).unwrap();
        let loaded = load(&file);
        assert_eq!(loaded.settings, Settings::default());
        let kept = dir.path().join(format!("settings.toml.broken-{}", n + 1));
        assert_eq!(fs::read(&kept).unwrap(), *text);
        assert!(!file.exists());
        assert!(loaded.notices.iter().any(|notice| notice.message.contains(&*kept.to_string_lossy())), "{:#?}", loaded.notices);
        assert!(loaded.notices.iter().all(|notice| (notice.stage, notice.severity) == (Stage::Settings, Severity::Info)));
        save(&file, &Settings::default()).unwrap();
        assert_eq!(fs::read(&kept).unwrap(), *text);
    }
}

#[test]
fn a_save_over_a_broken_file_that_was_never_loaded_keeps_it_too() {
    let dir = folder();
    let file = dir.path().join("settings.toml");
    fs::write(&file, "not toml at all").unwrap();
    save(&file, &Settings::default()).unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("settings.toml.broken-1")).unwrap(), "not toml at all");
    assert_eq!(load(&file).notices, []);
}

#[test]
fn one_wrong_value_does_not_cost_the_others() {
    let dir = folder();
    let file = dir.path().join("settings.toml");
    fs::write(&file, "window = { zoom = 'big', theme = 'light' }\nchat = 3\n[voice]\nspeed = 1.5\nnoise = true\n").unwrap();
    let loaded = load(&file);
    assert_eq!(loaded.settings.window.theme, ThemeChoice::Light);
    assert_eq!(loaded.settings.window.zoom, 1.0);
    assert_eq!(loaded.settings.voice.speed, 1.5);
    assert_eq!(loaded.settings.voice.noise, None);
    let said: String = loaded.notices.iter().map(|notice| notice.to_string() + "\n").collect();
    for name in ["window.zoom", "chat", "voice.noise", "broken-1"] {
        assert!(said.contains(name), "{name} is not in:\n{said}");
    }
}

#[test]
fn unknown_keys_and_sections_are_ignored_and_survive_a_save() {
    let dir = folder();
    let file = dir.path().join("settings.toml");
    fs::write(&file, "future = 1\n[window]\nsparkle = true\nzoom = 1.5\n[audio]\nmicrophone = 'old'\n[history]\nkeep = 30\n").unwrap();
    let mut loaded = load(&file);
    assert_eq!(loaded.notices, []);
    assert_eq!(loaded.settings.window.zoom, 1.5);
    loaded.settings.audio.microphone = None;
    save(&file, &loaded.settings).unwrap();
    let table: Table = fs::read_to_string(&file).unwrap().parse().unwrap();
    assert_eq!(table["future"].as_integer(), Some(1));
    assert_eq!(table["window"]["sparkle"].as_bool(), Some(true));
    assert_eq!(table["history"]["keep"].as_integer(), Some(30));
    assert_eq!(table["audio"].get("microphone"), None, "a choice that was taken back is gone");
    assert_eq!(load(&file).settings, loaded.settings);
}

#[test]
fn a_full_disk_leaves_the_old_file_as_it_was() {
    let dir = folder();
    let file = dir.path().join("settings.toml");
    let mut old = Settings::default();
    old.voice.speed = 2.0;
    save(&file, &old).unwrap();
    let half_then_full = |new: &mut File, text: &[u8]| {
        new.write_all(&text[..text.len() / 2])?;
        Err(io::Error::from(io::ErrorKind::StorageFull))
    };
    let error = write_settings(&file, &Settings::default(), &half_then_full).unwrap_err();
    assert_eq!(reason(&error), "the disk is full");
    assert_eq!(load(&file).settings, old);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn a_place_that_cannot_be_written_is_a_sentence() {
    let dir = folder();
    fs::write(dir.path().join("file"), "").unwrap();
    // A file where a folder is needed; and, where it exists, a file system that refuses even the administrator.
    for place in [dir.path().join("file/settings.toml"), PathBuf::from("/proc/hark/settings.toml")] {
        let error = save(&place, &Settings::default()).unwrap_err();
        assert_eq!(error.stage, Stage::Settings);
        assert!(error.message.contains(&*place.to_string_lossy()) && error.message.ends_with('.'), "{error}");
        assert!(!error.hint.is_empty());
        assert!(!error.to_string().contains("os error"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_keeps_its_file() {
    use std::os::unix::fs::PermissionsExt;
    let dir = folder();
    let file = dir.path().join("settings.toml");
    save(&file, &Settings::default()).unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let administrator = fs::write(dir.path().join("probe"), "").is_ok();
    let mut new = Settings::default();
    new.voice.speed = 2.0;
    let result = save(&file, &new);
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    if administrator {
        println!("skipped: needs a user who is not the administrator");
        return;
    }
    assert!(result.unwrap_err().message.contains("does not allow"));
    assert_eq!(load(&file).settings, Settings::default());
}

#[test]
fn a_folder_or_a_huge_file_in_its_place_is_put_aside() {
    let dir = folder();
    let file = dir.path().join("settings.toml");
    fs::create_dir(&file).unwrap();
    assert!(load(&file).broken);
    fs::write(&file, vec![b'\n'; (LARGEST_BYTES + 1) as usize]).unwrap();
    assert!(load(&file).broken);
    assert!(dir.path().join("settings.toml.broken-2").exists());
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link() {
    let dir = folder();
    let target = dir.path().join("dotfiles.toml");
    let file = dir.path().join("settings.toml");
    fs::write(&target, "").unwrap();
    std::os::unix::fs::symlink(&target, &file).unwrap();
    save(&file, &Settings::default()).unwrap();
    assert!(fs::symlink_metadata(&file).unwrap().is_symlink());
    assert!(fs::read_to_string(&target).unwrap().contains("[voice]"));
}

#[test]
fn every_key_names_every_key() {
    // A new optional setting that is missing in `every_key` could never be taken back by a save.
    let text = toml::to_string(&every_key()).unwrap();
    let debug = format!("{:?}", every_key());
    assert!(!debug.contains("None"), "{debug}");
    assert!(text.contains("noise_width"));
}
