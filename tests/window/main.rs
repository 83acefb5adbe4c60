//! The real window, on a real X server with a real sound server (both in memory, see `scripts/headless`), driven by mouse
//! and keys. A recorded question is played into the virtual microphone while the talk button is held; the words must then
//! stand on the screen and the answer must come out of the virtual speaker.
//!
//! Needs what `scripts/setup --tests` installs and the starter models; else it says `skipped: needs …`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test ends by a panic

mod idle;
mod screen;
mod session;
mod sound;

use screen::{Picture, idle_button, words_in};
use serde_json::Value;
use session::{Running, Session, missing_tools, read_on_thread, root, tell, wait_for};
use sound::{Recording, heard};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const STT: &str = "models/starter/ggml-starter-en-q5_1.bin";
const CHAT: &str = "models/starter/SmolLM2-135M-Instruct.gguf";
/// Recordings with words that must be on the screen after they were spoken. The first is used whose words were not all
/// there before: the empty window may show examples of questions.
const QUESTIONS: [(&str, &[&str]); 3] =
    [("q02-rms.wav", &["what", "capital", "france"]), ("q06-awb.wav", &["turn", "volume"]), ("q10-slt.wav", &["thank", "very", "much"])];
/// A machine may be slow and busy; these are limits of patience, not of quality.
const LOADING: Duration = Duration::from_secs(120);
const ANSWERING: Duration = Duration::from_secs(240);

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Waits until no other test of this file uses the machine. `None`, and a line that says why: something is missing.
fn ready(files: &[&str]) -> Option<MutexGuard<'static, ()>> {
    let mut missing = missing_tools();
    missing.extend(files.iter().filter(|file| !root().join(file).is_file()));
    if cfg!(not(target_os = "linux")) {
        missing.push("Linux");
    }
    if missing.is_empty() {
        return Some(ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner));
    }
    tell(&format!("skipped: needs {}", missing.join(", ")));
    None
}

/// The program with its window open.
struct Hark {
    process: Running,
    window: String,
    lines: Arc<Mutex<Vec<Value>>>,
    folder: tempfile::TempDir,
}

impl Hark {
    /// Starts it with settings of its own and waits until the talk button is idle; gives the button's middle, too.
    fn start(session: &Session) -> (Hark, (usize, usize)) {
        let folder = tempfile::tempdir().unwrap();
        let settings = "[window]\nlanguage = \"en\"\ntheme = \"dark\"\n[chat]\nseed = 7\ntemperature = 0.0\nmax_tokens = 40\n";
        std::fs::write(folder.path().join("settings.toml"), settings).unwrap();
        // Another program can be tested, an installed one for example.
        let program = std::env::var_os("HARK_WINDOW_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_hark").into());
        let mut command = session.command(program);
        command.args(["--json", "--stt", STT, "--chat", CHAT, "--voice", "espeak:en-us"]);
        command.env("HARK_CONFIG_DIR", folder.path()).env("XDG_DATA_HOME", folder.path().join("data"));
        let mut process = Running::start(command.stdout(Stdio::piped()));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (into, mut rest) = (Arc::clone(&lines), Vec::new());
        read_on_thread("hark-json", process.child.stdout.take().unwrap(), move |piece| {
            rest.extend_from_slice(piece);
            while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = rest.drain(..=end).collect();
                let value = serde_json::from_slice(&line).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&line).into_owned()));
                into.lock().unwrap_or_else(PoisonError::into_inner).push(value);
            }
        });
        let window = session.window_of(&mut process, LOADING).unwrap_or_else(|why| panic!("the window did not open: {why}"));
        let hark = Hark { process, window, lines, folder };
        session.activate(&hark.window);
        // Twice at the same place: the layout has settled.
        let mut before = None;
        let button = wait_for(LOADING, || {
            let now = idle_button(session);
            let settled = now.filter(|_| now == before);
            before = now;
            settled
        });
        let Some(button) = button else { hark.fail(session, "the idle talk button did not appear") };
        (hark, button)
    }

    /// All events of a kind so far.
    fn events(&self, kind: &str) -> Vec<Value> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().filter(|line| line["event"] == kind).cloned().collect()
    }

    /// Waits for the first event of a kind.
    fn event(&self, session: &Session, kind: &str) -> Value {
        match wait_for(ANSWERING, || self.events(kind).into_iter().next()) {
            Some(event) => event,
            None => self.fail(session, &format!("no event \"{kind}\" came")),
        }
    }

    /// Ends the test with everything that helps to see why; a picture of the screen stays behind.
    fn fail(&self, session: &Session, what: &str) -> ! {
        let picture = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("window-test-failed.png");
        let _ = session.command("import").args(["-window", "root"]).arg(&picture).status();
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        panic!("{what}; the screen then: {}; events: {lines:#?}", picture.display())
    }

    /// Closes the window as a person does; the process must have ended well within a second.
    fn close(mut self, session: &Session) {
        session.activate(&self.window);
        session.xdotool(&["key", "alt+F4"]);
        let pressed = Instant::now();
        let status = wait_for(Duration::from_secs(10), || self.process.child.try_wait().ok().flatten());
        let took = pressed.elapsed();
        let Some(status) = status else { self.fail(session, "the program still runs 10 s after its window was closed") };
        assert!(status.success(), "the program ended with {status}");
        assert!(took <= Duration::from_secs(1), "the program took {took:?} to end after its window was closed");
    }
}

/// Asks one question: `press`, the question into the microphone, `release`; then looks and listens.
fn ask(session: &Session, hark: &Hark, press: impl FnOnce(), release: impl FnOnce()) {
    let before = words_in(session, &hark.window, hark.folder.path());
    let unseen = QUESTIONS.iter().find(|(_, words)| !words.iter().all(|word| before.contains(word)));
    let (file, words) = unseen.expect("one of three questions is not on the screen yet");
    let speaker = Recording::start(session, "speaker.monitor");

    press();
    std::thread::sleep(Duration::from_millis(400));
    session.speak(&root().join("assets/questions").join(file));
    if idle_button(session).is_some() {
        hark.fail(session, "the talk button still looks idle while it is held");
    }
    release();

    // The words were understood…
    let text = hark.event(session, "user_text")["text"].as_str().unwrap_or_default().to_lowercase();
    assert!(words.iter().all(|word| text.contains(word)), "heard {text:?} instead of {words:?}");
    // …stand on the screen…
    let seen = wait_for(Duration::from_secs(30), || {
        let seen = words_in(session, &hark.window, hark.folder.path());
        words.iter().all(|word| seen.contains(word)).then_some(())
    });
    if seen.is_none() {
        hark.fail(session, &format!("the words {words:?} are not on the screen"));
    }
    // …and the answer sounds, as long as the program says that it is.
    let timing = hark.event(session, "timing");
    let said = Duration::from_secs_f64(timing["audio_ms"].as_f64().expect("audio_ms is a number") / 1000.0);
    assert!(said > Duration::from_millis(200), "the spoken answer is empty: {timing}");
    let quiet = Duration::from_secs(2);
    let complete = wait_for(said + ANSWERING, || heard(&speaker.samples()).filter(|heard| heard.after > quiet && heard.speech * 2 > said));
    let Some(sound) = complete.or_else(|| heard(&speaker.samples())) else { hark.fail(session, "the speaker stayed silent") };
    tell(&format!("window test: heard {text:?}, answered with {said:?} of sound, recorded {sound:?}"));
    assert!(sound.peak > 1000, "the answer is too quiet to be heard: {sound:?}");
    // Synthesised clauses begin and end with a little silence, and a pause between clauses counts as waiting.
    assert!(sound.speech.as_secs_f64() >= 0.7 * said.as_secs_f64() - 0.4, "only a part of {said:?} was played: {sound:?}");
    assert!(sound.speech.as_secs_f64() <= 1.1 * said.as_secs_f64() + 0.4, "more than {said:?} was played: {sound:?}");
    assert_eq!(hark.events("error"), Vec::<Value>::new(), "the program reported errors");
}

#[test]
fn holding_the_button_with_the_mouse_asks_and_is_answered() {
    let Some(_alone) = ready(&[STT, CHAT]) else { return };
    let session = Session::start();
    let (hark, (x, y)) = Hark::start(&session);
    session.xdotool(&["mousemove", &x.to_string(), &y.to_string()]);
    ask(&session, &hark, || drop(session.xdotool(&["mousedown", "1"])), || drop(session.xdotool(&["mouseup", "1"])));
    hark.close(&session);
}

#[test]
fn holding_space_asks_and_is_answered() {
    let Some(_alone) = ready(&[STT, CHAT]) else { return };
    let session = Session::start();
    let (hark, _) = Hark::start(&session);
    // The X server repeats a held key as releases and presses: that must not look like letting go.
    ask(&session, &hark, || drop(session.xdotool(&["keydown", "space"])), || drop(session.xdotool(&["keyup", "space"])));
    hark.close(&session);
}

#[test]
fn the_global_key_asks_while_another_window_has_the_focus() {
    let Some(_alone) = ready(&[STT, CHAT]) else { return };
    let session = Session::start();
    let (hark, _) = Hark::start(&session);
    let other = Running::start(session.command("xev").args(["-geometry", "200x150+20+20", "-event", "keyboard"]).stdout(Stdio::null()));
    // xev does not say which process it is.
    let found = wait_for(Duration::from_secs(20), || {
        session
            .output("xdotool", &["search", "--onlyvisible", "--name", "^Event Tester$"])
            .map(|id| String::from_utf8_lossy(&id).trim().to_owned())
    });
    let xev = found.expect("the other window opens");
    session.activate(&xev);
    let keys = |kind: &'static str| {
        for key in if kind == "keydown" { ["ctrl", "alt", "space"] } else { ["space", "alt", "ctrl"] } {
            session.xdotool(&[kind, key]);
        }
    };
    ask(&session, &hark, || keys("keydown"), || keys("keyup"));
    assert_eq!(session.focus(), xev, "the other window lost the focus");
    drop(other);
    hark.close(&session);
}

#[test]
fn an_idle_window_draws_nothing_and_costs_next_to_nothing() {
    let Some(_alone) = ready(&[STT, CHAT]) else { return };
    let session = Session::start();
    let (hark, _) = Hark::start(&session);
    let pid = hark.process.child.id();
    // The last frames are drawn, and the speaker is closed 10 s after it was opened.
    std::thread::sleep(Duration::from_secs(14));
    let over = Duration::from_secs(10);
    let cost = idle::cost(pid, over).expect("/proc tells");
    tell(&format!("window test: idle for {over:?}: {cost:?}"));
    // Measured: 0.7 to 1.1 % of a core with all and 0.04 to 0.1 % without the sound system's threads; up to 1.5 % on a busy
    // machine.
    // A busy loop, a repaint or a poll of the talk key costs several times as much.
    assert!(cost.all <= over / 25 && cost.own <= over / 300, "too much while nothing happens: {cost:?}");
    // A frame costs several milliseconds with OpenGL in software.
    assert!(cost.main <= Duration::from_millis(3) && cost.main_woke <= 2, "the window drew while nothing happened: {cost:?}");
    assert_eq!(cost.key_woke, 0, "the thread of the talk key woke up while no key was pressed");
    hark.close(&session);
}

/// The tools themselves, without the program: what is played into the microphone arrives there, whole and in time.
#[test]
fn the_virtual_microphone_hears_what_is_played() {
    let Some(_alone) = ready(&[]) else { return };
    let session = Session::start();
    let microphone = Recording::start(&session, "mic");
    assert_eq!(heard(&microphone.samples()), None, "a microphone that nobody speaks into is silent");
    session.speak(&root().join("assets/questions/q02-rms.wav"));
    let heard = wait_for(Duration::from_secs(5), || heard(&microphone.samples()).filter(|heard| heard.after > Duration::from_millis(500)));
    let heard = heard.expect("something was heard");
    // The recording's loud part: 1.9 s of 2.9 s, peak 19,682.
    assert!((1.7..2.9).contains(&heard.span.as_secs_f64()) && heard.peak.abs_diff(19_682) < 200, "{heard:?}");
}

#[test]
fn a_disc_is_told_from_rings_boxes_and_text() {
    let (width, height) = (300, 200);
    let mut picture = Picture { width, height, rgb: vec![20; width * height * 3] };
    let mut paint = |inside: &dyn Fn(i32, i32) -> bool| {
        for at in 0..width * height {
            if inside((at % width) as i32, (at / width) as i32) {
                picture.rgb[at * 3..at * 3 + 3].copy_from_slice(&screen::IDLE[0]);
            }
        }
    };
    let radius = |x: i32, y: i32, cx: i32, cy: i32| f64::from((x - cx).pow(2) + (y - cy).pow(2)).sqrt();
    paint(&|x, y| (10..200).contains(&x) && (10..30).contains(&y)); // a wide box: a button
    paint(&|x, y| (44.0..48.0).contains(&radius(x, y, 60, 130))); // a ring: the loading button
    paint(&|x, y| radius(x, y, 250, 40) < 16.0); // a small disc: an icon
    paint(&|x, y| radius(x, y, 200, 130) < 48.0 && !((190..210).contains(&x) && (100..150).contains(&y))); // with a microphone on it
    assert_eq!(picture.disc(screen::IDLE[0]), Some((200, 130)));
    assert_eq!(picture.disc(screen::IDLE[1]), None);
}
