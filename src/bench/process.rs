//! What a process costs: CPU time and memory, as Linux tells in `/proc`. Elsewhere nothing is known and `None` is said.

/// Clock ticks a second in `/proc/PID/stat`: 100 on every Linux that Hark runs on (`USER_HZ`).
const TICKS: f64 = 100.0;

/// CPU time since the start, seconds, in steps of 10 ms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cpu {
    /// All threads of the process.
    pub own: f64,
    /// Children that ended and were waited for.
    pub children: f64,
}

/// CPU time of a process (`self` or a number).
#[must_use]
pub fn cpu(pid: &str) -> Option<Cpu> {
    parse_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Fields 14 to 17: user and system time, own and the children's. The name before them may hold blanks and brackets.
fn parse_stat(line: &str) -> Option<Cpu> {
    let rest = line.rsplit_once(')')?.1;
    let fields: Vec<f64> = rest.split_whitespace().skip(11).take(4).filter_map(|field| field.parse().ok()).collect();
    let [user, system, children_user, children_system] = fields[..] else { return None };
    Some(Cpu { own: (user + system) / TICKS, children: (children_user + children_system) / TICKS })
}

/// Memory in RAM, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Now.
    pub resident: u64,
    /// At most so far.
    pub peak: u64,
}

/// Memory of a process (`self` or a number).
#[must_use]
pub fn memory(pid: &str) -> Option<Memory> {
    parse_status(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn parse_status(text: &str) -> Option<Memory> {
    let field = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? * 1024)
    };
    Some(Memory { resident: field("VmRSS:")?, peak: field("VmHWM:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_found_behind_an_odd_name() {
        let line = "7 (a (b) c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 30 20 20 0 5 0 100 1000 200";
        assert_eq!(parse_stat(line), Some(Cpu { own: 3.0, children: 0.5 }));
        assert_eq!(parse_stat("7 (x) S 1"), None);
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(parse_status(status), Some(Memory { resident: 1 << 20, peak: 2 << 20 }));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_figures() {
        let memory = memory("self").unwrap();
        assert!(memory.resident > 1 << 20 && memory.peak >= memory.resident / 2, "{memory:?}");
        assert!(cpu("self").is_some());
    }
}
