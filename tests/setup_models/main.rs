//! `scripts/models`, which fetches the real models as Python packages: what it does when a package is another one, is cut,
//! lacks its file, when it was stopped in between, and when it runs twice at once. A `pip` of the test's own stands in for the
//! real one, so nothing is fetched.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test ends by a panic

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

/// Makes wheels `one-1.0-…` and `two-1.0-…`, each with a part of the model, and a list of what is wanted. `WRONG` is a file
/// whose existence breaks the wheel `two`, by what stands in it.
const MAKE: &str = r#"
import hashlib, os, sys, zipfile
root = sys.argv[1]
os.makedirs(f"{root}/models"); os.makedirs(f"{root}/wheels"); os.makedirs(f"{root}/fake/pip")
parts = {"one": b"first half, " * 1000, "two": b"second half, " * 1000}
lines = []
for name, data in parts.items():
    path = f"{root}/wheels/{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}/data", data)
    lines.append(f"part {name} 1.0 {hashlib.sha256(open(path, 'rb').read()).hexdigest()} {name}/data {len(data)}")
whole = b"".join(parts.values())
with open(f"{root}/models/packages.txt", "w") as out:
    print("file base models/chat/joined.gguf", len(whole), hashlib.sha256(whole).hexdigest(), "the mind Two Halves", *[], file=out)
    print(*lines, sep="\n", file=out)
open(f"{root}/fake/pip/__init__.py", "w").close()
open(f"{root}/fake/pip/__main__.py", "w").write('''
import os, shutil, sys, time
root = os.environ["FAKE_ROOT"]
open(f"{root}/asked", "a").write(sys.argv[-1] + "\\n")
time.sleep(float(os.environ.get("FAKE_SLEEP", "0")))
name = sys.argv[-1].split("==")[0]
if os.environ.get("FAKE_MISSING") == name:
    sys.exit("ERROR: No matching distribution found for " + name)
shutil.copy(f"{root}/wheels/{name}-1.0-py3-none-any.whl", sys.argv[sys.argv.index("--dest") + 1])
''')
"#;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new("python3").args(["-c", MAKE]).arg(folder.path()).output().expect("python3, which setup needs too");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Folder(folder)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, set: &str) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join("models"));
        command.args([set, "--into"]).arg(self.0.path());
        command.env("PYTHONPATH", self.path("fake")).env("FAKE_ROOT", self.0.path());
        command
    }

    /// Runs it; code, and all that was said.
    fn run(&self, with: &[(&str, &str)]) -> (i32, String) {
        said(self.command("base").envs(with.iter().copied()).output().unwrap())
    }

    /// The packages that were asked for so far.
    fn asked(&self) -> Vec<String> {
        fs::read_to_string(self.path("asked")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    fn joined(&self) -> Option<Vec<u8>> {
        fs::read(self.path("models/chat/joined.gguf")).ok()
    }

    /// Writes a part's wheel anew, with this Python expression as content of `two/data`, and has the list know its sum.
    fn wheel_two(&self, member: &str, content: &str, sum_too: bool) {
        let script = format!(
            "import hashlib,sys,zipfile\nroot=sys.argv[1]\np=f'{{root}}/wheels/two-1.0-py3-none-any.whl'\nold=hashlib.sha256(open(p,'rb').read()).hexdigest()\n\
             z=zipfile.ZipFile(p,'w'); z.writestr('{member}',{content}); z.close()\nnew=hashlib.sha256(open(p,'rb').read()).hexdigest()\n\
             l=f'{{root}}/models/packages.txt'; t=open(l).read()\nopen(l,'w').write(t.replace(old,new) if {} else t)",
            if sum_too { "True" } else { "False" }
        );
        assert!(Command::new("python3").args(["-c", &script]).arg(self.0.path()).status().unwrap().success());
    }
}

fn said(output: Output) -> (i32, String) {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap_or(-1), text)
}

#[test]
fn a_file_is_joined_from_its_parts_and_a_second_run_fetches_nothing() {
    let folder = Folder::new();
    let (code, text) = folder.run(&[]);
    assert_eq!(code, 0, "{text}");
    assert!(folder.joined().unwrap().starts_with(b"first half") && folder.joined().unwrap().ends_with(b"second half, "), "{text}");
    assert_eq!(folder.asked(), ["one==1.0", "two==1.0"]);
    assert_eq!(folder.run(&[]), (0, String::new()));
    assert_eq!(folder.asked().len(), 2, "what is there is not fetched again");
    // A damaged file is fetched again, whatever its stamp says.
    fs::write(folder.path("models/chat/joined.gguf"), vec![0; folder.joined().unwrap().len()]).unwrap();
    assert_eq!(folder.run(&[]).0, 0);
    assert!(folder.joined().unwrap().starts_with(b"first half"));
}

#[test]
fn what_was_cut_short_goes_on_at_the_part_where_it_stopped() {
    let folder = Folder::new();
    let (code, text) = folder.run(&[("FAKE_MISSING", "two")]);
    assert_eq!(code, 1);
    assert!(text.contains("the package two could not be had (ERROR: No matching distribution found for two): try again later."), "{text}");
    assert_eq!(folder.joined(), None, "nothing half-written");
    assert_eq!(folder.run(&[]).0, 0);
    assert_eq!(folder.asked(), ["one==1.0", "two==1.0", "two==1.0"], "the first part was kept");
    assert!(folder.joined().is_some());
}

#[test]
fn another_wheel_a_cut_one_and_one_without_the_file_are_one_sentence_each() {
    for (member, content, sum_too, sentence) in [
        ("two/data", "b'other'", false, "the package two is not the one that is known here (its SHA-256 differs); it was thrown away."),
        ("two/data", "b'short'", true, "the package two does not hold the file that belongs here; it was thrown away."),
        ("three/data", "b'second half, '*1000", true, "the package two does not hold the file that belongs here; it was thrown away."),
        ("two/data", "b'second calf, '*1000", true, "the mind Two Halves came damaged and was thrown away: try again."),
    ] {
        let folder = Folder::new();
        folder.wheel_two(member, content, sum_too);
        let (code, text) = folder.run(&[]);
        assert_eq!(code, 1, "{text}");
        assert!(text.contains(sentence), "{text}");
        assert_eq!(folder.joined(), None, "{sentence}");
    }
    // A wheel that is no archive although its sum is known.
    let folder = Folder::new();
    let whole = fs::read(folder.path("wheels/two-1.0-py3-none-any.whl")).unwrap();
    fs::write(folder.path("wheels/two-1.0-py3-none-any.whl"), &whole[..whole.len() / 2]).unwrap();
    let (code, text) = folder.run(&[]);
    assert!(code == 1 && text.contains("it was thrown away") && folder.joined().is_none(), "{text}");
}

#[test]
fn two_setups_at_once_fetch_everything_once() {
    let folder = Folder::new();
    let mut first = folder.command("base").env("FAKE_SLEEP", "0.7").spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let (code, text) = folder.run(&[]);
    assert!(first.wait().unwrap().success());
    assert_eq!(code, 0, "{text}");
    assert_eq!(folder.asked().len(), 2, "{text}");
    assert!(folder.joined().is_some());
}

#[test]
fn small_fetches_nothing_and_a_wrong_word_is_told() {
    let folder = Folder::new();
    assert_eq!(said(folder.command("small").output().unwrap()), (0, String::new()));
    assert_eq!(folder.asked().len(), 0);
    let (code, text) = said(folder.command("huge").output().unwrap());
    assert!(code == 2 && text.contains("small|base|full"), "{text}");
}

#[test]
fn the_list_of_the_project_is_whole() {
    let list = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("models/packages.txt")).unwrap();
    let (mut wanted, mut parts) = (0u64, 0u64);
    let mut files = 0;
    for words in list.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()) {
        match words.first().copied() {
            Some("file") => {
                assert_eq!(parts, wanted, "the parts before {words:?}");
                assert!(["base", "full"].contains(&words[1]) && words[4].len() == 64 && words.len() > 5, "{words:?}");
                (wanted, parts, files) = (words[3].parse().unwrap(), 0, files + 1);
            }
            Some("part") => {
                assert!(words[3].len() == 64 && words.len() == 6, "{words:?}");
                parts += words[5].parse::<u64>().unwrap();
            }
            Some("made") => assert!(words[4].len() == 64 && words.len() == 7, "{words:?}"),
            Some(word) => assert!(word.starts_with('#'), "{word}"),
            None => {}
        }
    }
    assert_eq!(parts, wanted);
    assert!(files >= 7, "{files}");
}
