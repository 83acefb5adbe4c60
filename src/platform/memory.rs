//! How much memory a model may still take: what the system calls available, less when this process is in a group with a
//! limit of its own (a container, `systemd-run -p MemoryMax=…`).

use sysinfo::System;

/// Memory that can be had without pushing other programs out, bytes; `None`: the system does not say.
#[must_use]
pub fn free_bytes() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    let available = Some(system.available_memory()).filter(|bytes| *bytes > 0);
    // What the group holds of files counts as used there and goes away when memory is needed, so only the rest counts.
    let group = system.cgroup_limits().map(|limits| limits.free_memory.max(limits.total_memory.saturating_sub(limits.rss)));
    [available, group].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_free_memory_is_less_than_all_of_it() {
        let mut system = System::new().unwrap();
        system.refresh_memory();
        let free = free_bytes().unwrap();
        println!("{free} of {} bytes are free", system.total_memory());
        assert!(free > 0 && free < system.total_memory());
    }
}
