//! `hark models pull` against a hub on loopback: it gets through faults and kills, asks about what nobody knows, and the
//! store only ever holds whole models.

use super::hub::{Fault, Hub};
use super::*;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::time::{Duration, Instant};

const REVISION: &str = "0123456789abcdef0123456789abcdef01234567";

/// Random numbers that are the same in every run (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn path_of(name: &str) -> String {
    format!("/owner/name/resolve/{REVISION}/{name}")
}

/// A model of a catalog. What the hash rests on: `seen`, `reported`, `unknown`.
fn entry(id: &str, kind: &str, files: &[(&str, &[u8])], evidence: &str) -> String {
    let context = if kind == "chat" { "context = 512\n" } else { "" };
    let head = format!(
        "[[model]]\nid = \"{id}\"\nname = \"{id}\"\nkind = \"{kind}\"\nlanguages = [\"en\"]\nlicence = \"MIT\"\n{context}memory_mb = 100\nspeed = \"fast\"\n"
    );
    let file = |(name, bytes): &(&str, &[u8])| {
        let known = format!(", bytes = {}, sha256 = \"{}\"", bytes.len(), sha256(bytes));
        let known = if evidence == "unknown" { "" } else { &known };
        format!("    {{ name = \"{name}\"{known}, evidence = \"{evidence}\" }},\n")
    };
    let files: String = files.iter().map(file).collect();
    format!("{head}file = [\n{files}]\nsource = [{{ hub = {{ repo = \"owner/name\", revision = \"{REVISION}\" }} }}]\n\n")
}

struct Setup {
    home: Home,
    hub: Hub,
}

impl Setup {
    fn new(entries: &[String]) -> Setup {
        let (home, hub) = (Home::new(), Hub::start());
        home.put("catalog.toml", format!("format = 1\n\n{}", entries.concat()).as_bytes());
        Setup { home, hub }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mirror = self.hub.url("");
        let before = ["models", "--catalog", "catalog.toml", "pull", "--mirror", &mirror, "--stall", "2", "--language", "en"];
        let mut command = self.home.hark(&[&before[..], args].concat());
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(name);
        }
        command
    }

    fn pull(&self, args: &[&str]) -> Ended {
        ended(self.command(args))
    }

    fn verify(&self) {
        self.home.models(&["--catalog", "catalog.toml", "verify"]).good();
    }
}

/// A voice of about this size as a catalog has it.
fn voice_setup(bytes: usize, evidence: &str) -> (Setup, Vec<u8>) {
    let voice = graph(3, bytes);
    let setup = Setup::new(&[entry("anna", "voice", &[("anna.onnx", &voice), ("anna.onnx.json", CONFIG.as_bytes())], evidence)]);
    setup.hub.put(&path_of("anna.onnx"), voice.clone());
    setup.hub.put(&path_of("anna.onnx.json"), CONFIG.into());
    (setup, voice)
}

#[test]
fn a_model_comes_is_whole_and_is_not_fetched_twice() {
    let (setup, voice) = voice_setup(100_000, "seen");
    let ended = setup.pull(&["anna", "--json"]);
    assert_eq!(ended.good().events("installed")[0]["already"], false);
    assert_eq!(ended.events("done").len(), 2);
    assert_eq!(std::fs::read(setup.home.path("store/voices/anna/anna.onnx")).unwrap(), voice);
    assert_eq!(setup.home.store(), ["voices/anna/anna.onnx", "voices/anna/anna.onnx.json", "voices/anna/hark-model.toml"]);
    setup.verify();
    assert!(setup.pull(&["anna"]).good().out.contains("is there already"));
    assert_eq!(setup.hub.asked_for(&path_of("anna.onnx")), 1);
}

#[test]
fn a_file_that_nobody_knows_is_shown_and_kept_only_when_somebody_says_so() {
    for evidence in ["unknown", "reported"] {
        let (setup, voice) = voice_setup(100_000, evidence);
        let other = graph(4, 100_000);
        if evidence == "reported" {
            setup.hub.put(&path_of("anna.onnx"), other.clone());
        }
        let sent = if evidence == "reported" { &other } else { &voice };
        let ended = setup.pull(&["anna"]);
        assert!(ended.err.contains(&sha256(sent)), "{}", ended.err);
        ended.refused("was not accepted");
        assert!(setup.home.installed().is_empty());
        let before = setup.hub.sent(&path_of("anna.onnx"));
        let ended = setup.pull(&["anna", "--yes"]);
        assert!(ended.good().err.contains(&sha256(sent)), "it is kept, and said: {}", ended.err);
        assert_eq!(setup.hub.sent(&path_of("anna.onnx")), before, "{evidence}: the download was kept");
        assert_eq!(&std::fs::read(setup.home.path("store/voices/anna/anna.onnx")).unwrap(), sent);
    }
}

#[test]
fn another_file_than_the_certain_one_is_refused_even_with_yes() {
    let (setup, _) = voice_setup(100_000, "seen");
    setup.hub.put(&path_of("anna.onnx"), graph(4, 100_000));
    setup.pull(&["anna", "--yes"]).refused("anna.onnx");
    assert!(setup.home.store().iter().all(|name| !name.starts_with("voices/")), "{:?}", setup.home.store());
}

#[test]
fn a_file_that_no_engine_can_read_is_refused_after_it_came() {
    let bytes = [b"GGUF\x03\0\0\0".as_slice(), &[0xff; 1000]].concat();
    let setup = Setup::new(&[entry("bad", "chat", &[("bad.gguf", &bytes)], "seen")]);
    setup.hub.put(&path_of("bad.gguf"), bytes);
    setup.pull(&["bad"]).refused("bad.gguf of bad came and cannot be used");
    assert!(setup.home.installed().is_empty());
}

#[test]
fn two_programs_that_pull_the_same_model_do_not_mix_their_bytes() {
    let (setup, voice) = voice_setup(3_000_000, "seen");
    setup.hub.script(&path_of("anna.onnx"), [Fault::Drip(200_000, Duration::from_millis(150))]);
    let mut first = setup.command(&["anna"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while setup.hub.asked_for(&path_of("anna.onnx")) == 0 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    setup.pull(&["anna"]).refused("Another program is working on the model anna");
    assert!(first.wait().unwrap().success());
    assert_eq!(std::fs::read(setup.home.path("store/voices/anna/anna.onnx")).unwrap(), voice);
}

#[test]
fn a_hub_that_is_not_there_is_said() {
    let (setup, _) = voice_setup(1000, "seen");
    let nobody = ["models", "--catalog", "catalog.toml", "pull", "anna", "--stall", "1", "--mirror", "http://127.0.0.1:9"];
    ended(setup.home.hark(&nobody)).refused("cannot be reached");
    let bad = ["models", "--catalog", "catalog.toml", "pull", "anna", "--mirror", "nowhere"];
    ended(setup.home.hark(&bad)).refused("is no address of the web");
    assert!(setup.home.installed().is_empty());
}

#[test]
fn without_a_network_a_set_of_models_is_given_up_soon() {
    let graph = graph(3, 1000);
    let models = ["anna", "bert", "carl"].map(|id| entry(id, "voice", &[("a.onnx", &graph), ("a.onnx.json", CONFIG.as_bytes())], "seen"));
    let setup = Setup::new(&models);
    let nobody = ["models", "--catalog", "catalog.toml", "pull", "anna", "bert", "carl", "--json", "--stall", "1"];
    let ended = ended(setup.home.hark(&[&nobody[..], &["--mirror", "http://127.0.0.1:9"]].concat()));
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert_eq!(ended.err.matches("cannot be reached").count(), 3, "each is told: {}", ended.err);
    let retries = |id: &str| ended.events("retrying").iter().filter(|line| line["model"] == id).count();
    assert_eq!(["anna", "bert", "carl"].map(retries), [2, 1, 1], "a line may be cut for a moment, but not for each model anew");
}

/// Name, kind and files of a model.
type Made = (&'static str, &'static str, Vec<(String, Vec<u8>)>);

/// What the recommended set is made of: real files where they are at hand, so that the conversation works.
fn set() -> Option<[Made; 3]> {
    let ears = ours("models/starter/ggml-starter-en-q5_1.bin")?;
    let mind = shared("models/llm/stories260K.gguf")?;
    let voice = shared("models/tts/en_US-random-x_low.onnx")?;
    let file = |path: &Path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap());
    Some([
        // Under its own name it would be known as the one that comes with the program, and not be fetched.
        ("ears", "stt", vec![("ggml-ears.bin".to_owned(), file(&ears).1)]),
        ("mind", "chat", vec![file(&mind)]),
        ("voice", "voice", vec![file(&voice), file(&voice.with_added_extension("json"))]),
    ])
}

#[test]
fn the_recommended_set_comes_through_a_hundred_faults_and_a_hundred_kills_and_then_talks() {
    let Some(set) = set() else { return };
    let entries: Vec<String> = set
        .iter()
        .map(|(id, kind, files)| {
            let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
            entry(id, kind, &files, "seen")
        })
        .collect();
    let setup = Setup::new(&entries);
    let mut dice = Dice(12);
    let files: Vec<&(String, Vec<u8>)> = set.iter().flat_map(|(_, _, files)| files).collect();
    for (name, bytes) in &files {
        setup.hub.put(&path_of(name), bytes.clone());
    }
    let started = Instant::now();
    let (mut faults, mut kills, mut finished) = (0, 0, 0);
    while faults < 100 || kills < 100 {
        // A fault for each request of this round, and a kill somewhere in it.
        for (name, bytes) in &files {
            let size = bytes.len() as u64;
            let fault = match dice.below(8) {
                0 => Fault::Close,
                1 => Fault::Status(503),
                2 => Fault::Garbage,
                3 => Fault::IgnoreRange,
                4 => Fault::ShiftedRange,
                5 => Fault::LoginPage,
                _ => Fault::CutAt(dice.below(size) as usize),
            };
            setup.hub.behave(&path_of(name));
            setup.hub.script(&path_of(name), [fault, Fault::Drip(1 << 20, Duration::from_millis(5))]);
        }
        let asked = setup.hub.asked().len();
        let mut child = setup.command(&["--recommended"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let until = Instant::now() + Duration::from_millis(dice.below(500));
        while Instant::now() < until && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            kills += 1;
        } else {
            finished += 1;
        }
        child.wait().unwrap();
        faults += setup.hub.asked().len() - asked;
        for (name, bytes) in &files {
            for (id, kind) in [("ears", "stt"), ("mind", "chat"), ("voice", "voices")] {
                let place = setup.home.path(&format!("store/{kind}/{id}/{name}"));
                if place.exists() {
                    assert!(std::fs::read(place).unwrap() == *bytes, "{name} is not whole");
                }
            }
        }
        // Once all is there nothing is left to be disturbed.
        if setup.home.path("store/voices/voice").exists() && setup.home.path("store/chat/mind").exists() {
            let id = ["voice", "mind", "ears"][dice.below(3) as usize];
            setup.home.models(&["remove", id]);
        }
        assert!(started.elapsed() < Duration::from_secs(900), "{faults} requests, {kills} kills");
    }
    println!("{faults} requests met a script, {kills} kills, {finished} ended by themselves, {:?}", started.elapsed());
    files.iter().for_each(|(name, _)| setup.hub.behave(&path_of(name)));
    setup.pull(&["--recommended"]).good();
    setup.verify();
    let kinds: Vec<String> = setup.home.installed().iter().map(|line| line["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["stt", "chat", "voice"]);
    for id in ["ears", "mind", "voice"] {
        setup.home.models(&["use", id]).good();
    }
    let ended = ended(setup.home.hark(&["ask", "--json", "--text", "Hello", "--out", "answer.wav", "--max-tokens", "8", "--threads", "1"]));
    assert!(!ended.events("reply").is_empty(), "{}{}", ended.out, ended.err);
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_keeps_what_came_and_the_next_pull_goes_on_with_it() {
    let (setup, voice) = voice_setup(4_000_000, "seen");
    setup.hub.script(&path_of("anna.onnx"), [Fault::Drip(400_000, Duration::from_millis(100))]);
    let mut child = setup.command(&["anna"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while setup.hub.sent(&path_of("anna.onnx")) < 1_000_000 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert!(!err.contains("hark: "), "a wish is no fault: {err}");
    setup.pull(&["anna"]).good();
    assert_eq!(std::fs::read(setup.home.path("store/voices/anna/anna.onnx")).unwrap(), voice);
    let sent = setup.hub.sent(&path_of("anna.onnx"));
    assert!(sent < 2 * voice.len() as u64 - 500_000, "it began anew: {sent} bytes were sent");
}
