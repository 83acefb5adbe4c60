//! The program is killed at many moments of an import: what is in the store is whole, always.

use super::*;
use std::time::{Duration, Instant};

/// Bytes of the model: large enough that a kill hits the middle of the copy.
const BYTES: usize = 24_000_000;

#[cfg(unix)]
#[test]
fn killed_at_thirty_moments_the_store_holds_whole_models_only() {
    let home = Home::new();
    let file = home.voice("stick/anna", 7, BYTES);
    let started = Instant::now();
    home.models(&["import", &file]).good();
    let whole = started.elapsed();
    let expected = std::fs::read(home.path("stick/anna.onnx")).unwrap();
    home.models(&["remove", "anna"]).good();
    let (mut half, mut done) = (0, 0);
    for n in 0..30_u32 {
        let mut child = home.hark(&["models", "import", &file]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // A little longer than a whole one at the end.
        std::thread::sleep(whole * n / 27);
        child.kill().unwrap();
        child.wait().unwrap();
        let files = home.store();
        half += usize::from(files.iter().any(|name| name.starts_with(".incoming/")));
        if files.iter().any(|name| name.starts_with("voices/")) {
            done += 1;
            assert_eq!(std::fs::read(home.path("store/voices/anna/anna.onnx")).unwrap(), expected, "kill {n}");
            assert!(home.models(&["verify", "anna"]).good().out.contains("have not changed since they came"), "kill {n}");
            home.models(&["remove", "anna"]).good();
        } else {
            assert_eq!(home.installed().len(), 0, "kill {n}");
        }
    }
    println!("{half} of 30 kills hit the middle of the copy, {done} came after its end; one import took {whole:?}");
    assert!(half > 0, "no kill hit the copy");
    // The next import clears away what the dead ones left.
    home.models(&["import", &file]).good();
    assert_eq!(home.store(), ["voices/anna/anna.onnx", "voices/anna/anna.onnx.json", "voices/anna/hark-model.toml"]);
}

#[test]
fn two_imports_at_once_end_with_one_whole_model() {
    let home = Home::new();
    let file = home.voice("stick/anna", 7, BYTES);
    let start = || home.hark(&["models", "import", &file]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let children = [start(), start(), start()];
    let mut good = 0;
    for child in children {
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        if output.status.success() {
            good += 1;
        } else {
            assert!(err.contains("Another program is working on the model anna") || err.contains("is already at"), "{err}");
        }
    }
    assert!(good >= 1);
    assert!(home.models(&["verify", "anna"]).good().out.contains("have not changed since they came"));
    assert_eq!(home.store().len(), 3, "{:?}", home.store());
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_an_import_and_leaves_nothing() {
    let home = Home::new();
    let file = home.voice("stick/anna", 7, BYTES * 4);
    let mut child = home.hark(&["models", "import", &file]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while !home.store().iter().any(|name| name.contains("import-anna/")) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let status = child.wait().unwrap();
    // It may have come too late.
    if status.success() {
        println!("skipped: needs a slower disk");
        return;
    }
    assert_eq!(status.code(), Some(130));
    assert_eq!(home.store(), [""; 0]);
}
