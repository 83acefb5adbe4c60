//! A private screen with sound devices (`scripts/headless`) and the programs that run on it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// Programs that a session and the tests on it call.
const TOOLS: [&str; 13] =
    ["Xvfb", "xauth", "openbox", "pulseaudio", "pactl", "paplay", "parec", "xdotool", "xprop", "xev", "import", "convert", "tesseract"];

/// Programs of [`TOOLS`] that this machine lacks.
pub fn missing_tools() -> Vec<&'static str> {
    let folders: Vec<PathBuf> = std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect();
    TOOLS.into_iter().filter(|tool| !folders.iter().any(|folder| folder.join(tool).is_file())).collect()
}

/// The root of the checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Asks `done` every 50 ms until it gives something. `None`: nothing in this time.
pub fn wait_for<T>(limit: Duration, mut done: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = done() {
            return Some(found);
        }
        if start.elapsed() > limit {
            return None;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A running session. It ends when this is dropped, and also when the test process dies: the shell in it reads our pipe.
pub struct Session {
    shell: Child,
    stdin: Option<ChildStdin>,
    variables: HashMap<String, String>,
}

impl Session {
    /// Starts a screen of 1280 × 1024 and its sound server; takes about a second.
    pub fn start() -> Session {
        let mut shell = Command::new(root().join("scripts/headless"))
            .args(["--size", "1280x1024", "--", "bash", "-c", "env -0; printf 'END\\0'; exec cat >/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/headless starts");
        let stdin = shell.stdin.take();
        let mut variables = HashMap::new();
        let mut complete = false;
        for entry in BufReader::new(shell.stdout.take().expect("piped")).split(0).map_while(Result::ok) {
            if entry == b"END" {
                complete = true;
                break;
            }
            let entry = String::from_utf8_lossy(&entry).into_owned();
            if let Some((name, value)) = entry.split_once('=') {
                variables.insert(name.to_owned(), value.to_owned());
            }
        }
        assert!(complete, "the session did not start; scripts/headless says why, above");
        Session { shell, stdin, variables }
    }

    /// A program on this screen.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(&self.variables).current_dir(root()).stdin(Stdio::null());
        command
    }

    /// Runs a program to its end and gives what it wrote. `None`: it failed.
    pub fn output(&self, program: &str, arguments: &[&str]) -> Option<Vec<u8>> {
        let output = self.command(program).args(arguments).stderr(Stdio::null()).output().ok()?;
        output.status.success().then_some(output.stdout)
    }

    /// Moves the mouse, presses keys, finds windows.
    pub fn xdotool(&self, arguments: &[&str]) -> String {
        let output = self.output("xdotool", arguments).unwrap_or_else(|| panic!("xdotool {arguments:?} failed"));
        String::from_utf8_lossy(&output).trim().to_owned()
    }

    /// The visible window of a process, once it is there. `Err` says how the process ended or that it was too slow.
    pub fn window_of(&self, process: &mut Running, limit: Duration) -> Result<String, String> {
        let pid = process.child.id().to_string();
        let window = wait_for(limit, || {
            if let Ok(Some(status)) = process.child.try_wait() {
                return Some(Err(format!("it ended with {status}")));
            }
            let found = self.output("xdotool", &["search", "--onlyvisible", "--pid", &pid])?;
            String::from_utf8_lossy(&found).lines().last().filter(|window| !window.is_empty()).map(|window| Ok(window.to_owned()))
        });
        window.unwrap_or_else(|| Err(format!("there is none after {limit:?}")))
    }

    /// The window that has the keyboard.
    pub fn focus(&self) -> String {
        self.output("xdotool", &["getactivewindow"]).map(|id| String::from_utf8_lossy(&id).trim().to_owned()).unwrap_or_default()
    }

    /// Gives the keyboard to a window.
    pub fn activate(&self, window: &str) {
        let active = wait_for(Duration::from_secs(10), || {
            self.output("xdotool", &["windowactivate", window]);
            std::thread::sleep(Duration::from_millis(100));
            (self.focus() == window).then_some(())
        });
        assert!(active.is_some(), "the window {window} did not get the focus");
    }

    /// Plays a file into the virtual microphone, to its end.
    pub fn speak(&self, file: &Path) {
        let done = self.command("paplay").args(["-d", "micsink"]).arg(file).status().is_ok_and(|status| status.success());
        assert!(done, "paplay could not play {}", file.display());
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.shell.wait();
    }
}

/// A program that is ended when this is dropped.
pub struct Running {
    /// The process.
    pub child: Child,
}

impl Running {
    /// Starts it.
    pub fn start(command: &mut Command) -> Running {
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Running { child }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a pipe on a named thread and hands pieces to `take` until it is closed.
pub fn read_on_thread(name: &str, mut from: impl Read + Send + 'static, mut take: impl FnMut(&[u8]) + Send + 'static) {
    let work = move || {
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut piece) {
            take(&piece[..count]);
        }
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(work).expect("a thread");
}

/// Says something even when the test passes, which hides what `print!` writes.
pub fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
