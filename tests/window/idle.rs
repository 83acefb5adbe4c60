//! What a process costs while nothing happens, from `/proc` (Linux).

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Processor time and wake-ups within a time.
#[derive(Debug)]
pub struct Cost {
    /// Of all threads.
    pub all: Duration,
    /// The same without those of the sound system, which keep the microphone open for the pre-roll.
    pub own: Duration,
    /// Of the main thread, which draws.
    pub main: Duration,
    /// How often the main thread woke up.
    pub main_woke: u64,
    /// How often the thread that waits for the talk key woke up.
    pub key_woke: u64,
}

/// Measures a process for so long.
pub fn cost(pid: u32, over: Duration) -> Option<Cost> {
    let before = Look::at(pid)?;
    std::thread::sleep(over);
    let after = Look::at(pid)?;
    Some(Cost {
        all: after.all.saturating_sub(before.all),
        own: after.own.saturating_sub(before.own),
        main: after.main.saturating_sub(before.main),
        main_woke: after.main_woke - before.main_woke,
        key_woke: after.key_woke - before.key_woke,
    })
}

struct Look {
    all: Duration,
    own: Duration,
    main: Duration,
    main_woke: u64,
    key_woke: u64,
}

/// Threads of cpal and of PulseAudio's client library.
const SOUND: [&str; 3] = ["cpal_alsa_in", "cpal_alsa_out", "threaded-ml"];

fn name(task: &Path) -> String {
    std::fs::read_to_string(task.join("comm")).unwrap_or_default().trim().to_owned()
}

impl Look {
    fn at(pid: u32) -> Option<Look> {
        let tasks = PathBuf::from(format!("/proc/{pid}/task"));
        let main = tasks.join(pid.to_string());
        let threads: Vec<PathBuf> = std::fs::read_dir(&tasks).ok()?.flatten().map(|task| task.path()).collect();
        // A thread that ends meanwhile is not counted.
        let all = threads.iter().filter_map(|task| ran(task)).sum();
        let own = threads.iter().filter(|task| !SOUND.contains(&name(task).as_str())).filter_map(|task| ran(task)).sum();
        let key = threads.iter().find(|task| name(task) == "hark-hotkey")?;
        Some(Look { all, own, main: ran(&main)?, main_woke: woke(&main)?, key_woke: woke(key)? })
    }
}

/// Time on a core.
fn ran(task: &Path) -> Option<Duration> {
    let text = std::fs::read_to_string(task.join("schedstat")).ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

fn woke(task: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(task.join("status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse().ok())
}
