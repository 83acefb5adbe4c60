//! What other programs do with the processor.

use std::time::{Duration, Instant};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Cores that other programs kept busy between two looks.
pub struct OthersLoad {
    /// `None`: the system says nothing, and all cores count as free.
    system: Option<System>,
    own: Option<Pid>,
    cores: u32,
    seen: Instant,
    busy: f64,
    all: f64,
}

/// Over a shorter time the system's counters (10 ms steps) say nothing.
const SHORTEST: Duration = Duration::from_millis(250);

impl Default for OthersLoad {
    fn default() -> Self {
        Self::new()
    }
}

impl OthersLoad {
    /// Begins to look.
    #[must_use]
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(1));
        let own = sysinfo::get_current_pid().ok();
        let mut load = OthersLoad { system: System::new().ok(), own, cores, seen: Instant::now(), busy: 0.0, all: 0.0 };
        load.refresh();
        load
    }

    /// Forgets the time since the last look: what counts is what happens from now on.
    pub fn begin(&mut self) {
        if self.seen.elapsed() > 4 * SHORTEST {
            self.look();
        }
    }

    /// Cores (of [`OthersLoad::cores`]) that nobody but Hark used since the last look, at least 1. A look that comes too soon
    /// gives the result of the last one.
    pub fn free_cores(&mut self) -> u32 {
        if self.seen.elapsed() >= SHORTEST {
            self.look();
        }
        free(self.cores, self.busy)
    }

    /// Cores that all programs, Hark too, kept busy since the last look.
    pub fn busy_cores(&mut self) -> f64 {
        if self.seen.elapsed() >= SHORTEST {
            self.look();
        }
        self.all
    }

    /// Cores of the machine.
    #[must_use]
    pub fn cores(&self) -> u32 {
        self.cores
    }

    fn look(&mut self) {
        self.refresh();
        let Some(system) = &self.system else { return };
        let own = self.own.and_then(|pid| system.process(pid)).map_or(0.0, sysinfo::Process::cpu_usage);
        let all = system.global_cpu_usage() / 100.0 * self.cores as f32;
        self.all = f64::from(all);
        self.busy = f64::from((all - own / 100.0).max(0.0));
    }

    fn refresh(&mut self) {
        self.seen = Instant::now();
        let Some(system) = &mut self.system else { return };
        system.refresh_cpu_usage();
        if let Some(pid) = self.own {
            let what = ProcessRefreshKind::nothing().with_cpu();
            system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, what);
        }
    }
}

/// Half a core of a neighbour is a core less: a thread that gets half of the time makes all others wait.
fn free(cores: u32, busy: f64) -> u32 {
    let busy = busy.round().clamp(0.0, f64::from(cores)) as u32;
    cores.saturating_sub(busy).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_core_is_a_core() {
        assert_eq!([0.0, 0.4, 0.6, 1.2, 2.0, 9.0].map(|busy| free(2, busy)), [2, 2, 1, 1, 1, 1]);
        assert_eq!(free(8, 2.7), 5);
        assert_eq!(free(1, 0.0), 1);
    }

    #[test]
    fn our_own_work_is_not_the_load_of_others() {
        let own = || {
            let pid = sysinfo::get_current_pid().unwrap();
            let mut system = System::new().unwrap();
            system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, ProcessRefreshKind::nothing().with_cpu());
            system.process(pid).unwrap().accumulated_cpu_time() as f64 / 1000.0
        };
        let (from, before) = (Instant::now(), own());
        let mut load = OthersLoad::new();
        let mut x = 0_u64;
        while from.elapsed() < Duration::from_millis(800) {
            x = x.wrapping_mul(31).wrapping_add(1);
        }
        let free = load.free_cores();
        let ours = (own() - before) / from.elapsed().as_secs_f64();
        let (all, busy) = (f64::from(load.cores()), load.busy);
        println!("{x}: {free} of {all} cores free, others keep {busy:.2} busy, we {ours:.2}");
        assert!(f64::from(free) <= all && ours > 0.05);
        // What is ours cannot have been used by others. The counters have steps of 10 ms and were not read at one moment.
        assert!(busy <= all - ours + 0.3, "{busy} of {all}, ours {ours}");
    }
}
