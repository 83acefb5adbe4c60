//! The real devices' code against a real sound server: PulseAudio with null sinks, started for the test and ended after
//! it. ALSA reads its configuration once per process, so the test runs itself again as a child with its own environment.

use crate::audio::devices::{Direction, list};
use crate::audio::host::{InputFactory, OutputFactory};
use crate::audio::level::Levels;
use crate::audio::testing::{sine, tone};
use crate::audio::{Clip, CpalInput, RodioOutput, capture, playback, wav};
use crate::clock;
use crate::event::{CaptureCmd, PlayCmd, WorkerEvent};
use crate::turn::{TurnClock, TurnId};
use crate::worker::Worker;
use crossbeam_channel::{Receiver, bounded};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const CHILD: &str = "HARK_TEST_SOUND_SERVER_FOLDER";

struct Server {
    folder: tempfile::TempDir,
    daemon: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

fn environment(command: &mut Command, folder: &Path) {
    command
        .env("XDG_RUNTIME_DIR", folder)
        .env("PULSE_RUNTIME_PATH", folder.join("pulse"))
        .env("PULSE_STATE_PATH", folder.join("state"))
        .env("PULSE_SERVER", format!("unix:{}", folder.join("native").display()))
        .env("HOME", folder)
        .env("ALSA_CONFIG_PATH", folder.join("asound.conf"))
        .env_remove("DBUS_SESSION_BUS_ADDRESS");
}

fn pactl(folder: &Path, arguments: &[&str]) -> bool {
    let mut command = Command::new("pactl");
    environment(&mut command, folder);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

fn daemon(folder: &Path) -> Child {
    let mut command = Command::new("pulseaudio");
    environment(&mut command, folder);
    command.env_remove("PULSE_SERVER");
    let socket = format!("module-native-protocol-unix auth-anonymous=1 socket={}", folder.join("native").display());
    command.args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "-L", &socket]);
    command.args(["-L", "module-null-sink sink_name=speaker rate=48000", "-L", "module-null-sink sink_name=micsink rate=48000"]);
    command.args(["-L", "module-remap-source source_name=mic master=micsink.monitor"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn set_defaults(folder: &Path) -> bool {
    (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        pactl(folder, &["set-default-source", "mic"]) && pactl(folder, &["set-default-sink", "speaker"])
    })
}

fn start() -> Result<Server, &'static str> {
    for tool in ["pulseaudio", "parec", "pacat", "pactl"] {
        if Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            return Err("pulseaudio and pulseaudio-utils");
        }
    }
    let plugin = |root: &str| {
        std::fs::read_dir(root).ok()?.flatten().map(|e| e.path().join("alsa-lib/libasound_module_pcm_pulse.so")).find(|p| p.exists())
    };
    if plugin("/usr/lib").or_else(|| plugin("/usr/lib64")).is_none() {
        return Err("the ALSA plug-in for PulseAudio (libasound2-plugins)");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("asound.conf"),
        "pcm.!default { type pulse hint { show on description \"Test server\" } }\nctl.!default { type pulse }\n",
    )
    .unwrap();
    let daemon = daemon(folder.path());
    let server = Server { folder, daemon };
    if set_defaults(server.folder.path()) {
        return Ok(server);
    }
    panic!("pulseaudio did not start");
}

/// Times that the server test is tried.
const ATTEMPTS: u32 = 4;

#[test]
fn a_real_sound_server_hears_and_speaks() {
    // The other tests keep both cores of a small machine busy, and 20 ms of sound do not wait for them: a buffer that ran
    // dry says nothing of the program. A fault of the program fails each time.
    let mut failures = Vec::new();
    for _ in 0..ATTEMPTS {
        match attempt() {
            Ok(()) => return,
            Err(failure) => failures.push(failure),
        }
        std::thread::sleep(Duration::from_secs(2));
    }
    panic!("{}", failures.join("\n\n"));
}

/// Starts a server and runs [`child`] with it.
fn attempt() -> Result<(), String> {
    let server = match start() {
        Ok(server) => server,
        Err(needs) => {
            println!("skipped: needs {needs}");
            return Ok(());
        }
    };
    let mut child = Command::new(std::env::current_exe().unwrap());
    environment(&mut child, server.folder.path());
    child.env(CHILD, server.folder.path());
    child.args(["--exact", "audio::sound_server_test::child", "--ignored", "--nocapture"]);
    let output = child.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{out}");
    if !output.status.success() || !out.contains("1 passed") {
        return Err(format!("{out}\n{err}"));
    }
    assert!(!err.contains("ALSA lib"), "alsa-lib wrote to the standard error stream:\n{err}");
    Ok(())
}

#[test]
#[ignore = "run by a_real_sound_server_hears_and_speaks, in a process of its own"]
fn child() {
    let Some(folder) = std::env::var_os(CHILD).map(PathBuf::from) else {
        println!("skipped: needs the environment of its parent test");
        return;
    };
    devices_are_listed();
    the_speaker_plays(&folder);
    the_microphone_hears(&folder);
}

fn devices_are_listed() {
    for direction in [Direction::Input, Direction::Output] {
        let devices = list(direction).unwrap();
        println!("{direction:?}: {devices:?}");
        assert!(devices.first().is_some_and(|d| d.default), "{devices:?}");
    }
}

/// The next event but for the pieces of a recording and the spans of the timeline.
fn next(events: &Receiver<WorkerEvent>) -> WorkerEvent {
    loop {
        match events.recv_timeout(Duration::from_secs(10)).expect("an event") {
            WorkerEvent::Heard { .. } | WorkerEvent::Worked(..) => {}
            other => return other,
        }
    }
}

fn record_monitor(folder: &Path) -> (Child, std::thread::JoinHandle<Vec<f32>>) {
    let mut command = Command::new("parec");
    environment(&mut command, folder);
    command.args(["-d", "speaker.monitor", "--format=float32le", "--rate=48000", "--channels=1", "--latency-msec=10"]);
    let mut parec = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut pipe = parec.stdout.take().unwrap();
    let reader = std::thread::Builder::new().name("parec".to_owned()).spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    });
    std::thread::sleep(Duration::from_millis(500));
    (parec, reader.unwrap())
}

fn stop(mut recorder: (Child, std::thread::JoinHandle<Vec<f32>>)) -> Vec<f32> {
    std::thread::sleep(Duration::from_millis(500));
    recorder.0.kill().unwrap();
    recorder.0.wait().unwrap();
    recorder.1.join().unwrap()
}

/// From the first to the last loud sample.
fn loud(samples: &[f32]) -> &[f32] {
    let is_loud = |s: &f32| s.abs() > 0.02;
    let first = samples.iter().position(is_loud).expect("some sound");
    let last = samples.iter().rposition(is_loud).unwrap();
    &samples[first..=last]
}

fn the_speaker_plays(folder: &Path) {
    let (up, events) = bounded(64);
    let mut turns = TurnClock::new();
    turns.advance_to(TurnId(1));
    let host: OutputFactory = Arc::new(|| Box::new(RodioOutput));
    let levels = Arc::new(Levels::default());
    let mut worker = playback::spawn_playback(host, None, up, Arc::clone(&levels), turns.reader()).unwrap();
    match next(&events) {
        WorkerEvent::Ready(_, info) => println!("speaker: {} ({})", info.name, info.engine),
        other => panic!("{other:?}"),
    }
    // A null sink has rendered 2 s of silence ahead when its first client comes.
    std::thread::sleep(Duration::from_millis(2_500));
    let recorder = record_monitor(folder);
    // A tone in three clips of two clauses.
    let voice = sine(440.0, 22_050, 1.5);
    let sent = clock::now();
    for (seq, (range, last)) in [(0..9_000, false), (9_000..20_000, true), (20_000..voice.len(), true)].into_iter().enumerate() {
        let clip = Clip { samples: voice[range].into(), rate: 22_050 };
        worker.try_send(PlayCmd::Enqueue { turn: TurnId(1), seq: seq.saturating_sub(1) as u32, clip, last }).unwrap();
    }
    worker.try_send(PlayCmd::FinishTurn(TurnId(1))).unwrap();
    let WorkerEvent::ClauseStarted(TurnId(1), 0, at) = next(&events) else { panic!("no start") };
    println!("first sample after {:.1} ms", at.ms_since(sent));
    assert!(at.ms_since(sent) < 60.0);
    let rest: Vec<WorkerEvent> = (0..4).map(|_| next(&events)).collect();
    assert!(
        matches!(
            rest[..],
            [
                WorkerEvent::ClausePlayed(_, 0),
                WorkerEvent::ClauseStarted(_, 1, _),
                WorkerEvent::ClausePlayed(_, 1),
                WorkerEvent::Drained(_)
            ]
        ),
        "{rest:?}"
    );
    println!("played in {:.0} ms", clock::now().ms_since(sent));
    let heard = stop(recorder);
    let sounding = loud(&heard);
    let seconds = sounding.len() as f64 / 48_000.0;
    let (amplitude, _, residue) = tone(&sounding[2_400..sounding.len() - 2_400], 440.0, 48_000);
    println!("heard {seconds:.3} s, amplitude {amplitude:.3}, residue {residue:.5}");
    assert!((1.49..1.51).contains(&seconds), "gapless: {seconds} s");
    assert!((amplitude - 0.5).abs() < 0.01 && residue < 0.02, "amplitude {amplitude}, residue {residue}");

    // An interrupt is silence within 60 ms. The null sink plays by the clock, so sound after the stop is what the
    // stop left in the buffers.
    let recorder = record_monitor(folder);
    turns.advance_to(TurnId(2));
    let sent = clock::now();
    let clip = Clip { samples: sine(440.0, 22_050, 3.0).into(), rate: 22_050 };
    worker.try_send(PlayCmd::Enqueue { turn: TurnId(2), seq: 0, clip, last: true }).unwrap();
    let WorkerEvent::ClauseStarted(_, _, started) = next(&events) else { panic!("no start") };
    let first = started.ms_since(sent);
    println!("first sample of an open speaker after {first:.1} ms");
    assert!(first < 60.0, "{first} ms");
    std::thread::sleep(Duration::from_millis(700));
    worker.try_send(PlayCmd::StopTurn(TurnId(2))).unwrap();
    let until_stop = clock::now().ms_since(started);
    let heard = stop(recorder);
    let after = loud(&heard).len() as f64 / 48.0 - until_stop;
    println!("sound went on for {after:.0} ms after the stop");
    assert!(after < 60.0, "{after} ms");
    until_the_last_sample_is_handed_over(&worker, &events, &mut turns);
    assert!(worker.join_until(clock::now().0 + Duration::from_secs(3)));
}

/// The same seen from inside, more often: the stamp of the audio callback. Two buffers of 21 ms may wait behind it.
fn until_the_last_sample_is_handed_over(worker: &Worker<PlayCmd>, events: &Receiver<WorkerEvent>, turns: &mut TurnClock) {
    let mut took = Vec::new();
    for turn in 3..43 {
        turns.advance_to(TurnId(turn));
        let clip = Clip { samples: sine(440.0, 22_050, 1.0).into(), rate: 22_050 };
        worker.try_send(PlayCmd::Enqueue { turn: TurnId(turn), seq: 0, clip, last: true }).unwrap();
        while !matches!(next(events), WorkerEvent::ClauseStarted(TurnId(t), ..) if t == turn) {}
        std::thread::sleep(Duration::from_millis(40 + turn * 7 % 23));
        let stopped = clock::now();
        worker.try_send(PlayCmd::StopTurn(TurnId(turn))).unwrap();
        let silent = loop {
            if let WorkerEvent::Silenced(TurnId(t), at) = next(events)
                && t == turn
            {
                break at;
            }
        };
        took.push(silent.ms_since(stopped));
    }
    took.sort_by(f64::total_cmp);
    println!("last sample handed over {:.1} ms after the stop (median), {:.1} ms at most", took[took.len() / 2], took[took.len() - 1]);
    assert!(took[took.len() / 2] < 30.0, "{took:?}");
}

fn the_microphone_hears(folder: &Path) {
    let (up, events) = bounded(64);
    let host: InputFactory = Arc::new(|| Box::new(CpalInput::default()));
    let mut worker = capture::spawn_capture(host, None, true, up, Arc::new(Levels::default())).unwrap();
    match next(&events) {
        WorkerEvent::Ready(_, info) => println!("microphone: {} ({})", info.name, info.engine),
        other => panic!("{other:?}"),
    }
    let path = folder.join("tone.wav");
    wav::write_wav(&path, &Clip { samples: sine(440.0, 48_000, 1.0).into(), rate: 48_000 }).unwrap();
    std::thread::sleep(Duration::from_millis(600));
    worker.try_send(CaptureCmd::Begin(TurnId(1))).unwrap();
    assert!(matches!(next(&events), WorkerEvent::CaptureStarted(TurnId(1), _)));
    let mut paplay = Command::new("paplay");
    environment(&mut paplay, folder);
    assert!(paplay.args(["-d", "micsink"]).arg(&path).status().unwrap().success());
    std::thread::sleep(Duration::from_millis(300));
    let released = clock::now();
    worker.try_send(CaptureCmd::Finish(TurnId(1))).unwrap();
    let WorkerEvent::Captured { pcm, dropped, .. } = next(&events) else { panic!("no recording") };
    println!("recording of {} ms handed over {:.0} ms after the release", pcm.millis(), clock::now().ms_since(released));
    let sounding = loud(&pcm.0);
    let seconds = sounding.len() as f64 / 16_000.0;
    let (amplitude, _, residue) = tone(&sounding[1_600..sounding.len() - 1_600], 440.0, 16_000);
    println!("recorded {seconds:.3} s, amplitude {amplitude:.3}, residue {residue:.5}, {dropped} dropped");
    assert_eq!(dropped, 0);
    assert!((0.99..1.01).contains(&seconds) && (amplitude - 0.5).abs() < 0.01 && residue < 0.02);

    // The sound server ends and comes back: one sentence, and the microphone is there again by itself.
    worker.try_send(CaptureCmd::Begin(TurnId(2))).unwrap();
    assert!(matches!(next(&events), WorkerEvent::CaptureStarted(TurnId(2), _)));
    let ended = clock::now();
    assert!(pactl(folder, &["exit"]));
    let WorkerEvent::Failed(TurnId::NONE, error) = next(&events) else { panic!("no failure") };
    println!("told after {:.0} ms: {error}", clock::now().ms_since(ended));
    worker.try_send(CaptureCmd::Finish(TurnId(2))).unwrap();
    assert!(matches!(next(&events), WorkerEvent::Captured { turn: TurnId(2), .. }));
    std::thread::sleep(Duration::from_millis(500));
    let mut again = daemon(folder);
    let up_again = set_defaults(folder);
    let started = clock::now();
    let back = events.recv_timeout(Duration::from_secs(10));
    again.kill().unwrap();
    again.wait().unwrap();
    println!("back after {:.0} ms: {back:?}", clock::now().ms_since(started));
    assert!(up_again && matches!(back, Ok(WorkerEvent::Ready(..))), "{back:?}");
    assert!(worker.join_until(clock::now().0 + Duration::from_secs(3)));
}
