//! No core dump of a process that heard somebody: transcripts, prompts and sound would lie in the system's crash folder, and go
//! out with a crash report.

/// The variable that allows dumps, for those who look for a fault: `HARK_CORE_DUMPS=1`.
pub const VARIABLE: &str = "HARK_CORE_DUMPS";

/// From now on this process and its children leave no core dump, and another program of the same user can neither attach to
/// this one nor read its memory.
///
/// A desktop portal looks at `/proc/PID/root` of who asks, which it may not of such a process: who adds one must weigh that.
#[cfg(target_os = "linux")]
pub fn forbid() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    if std::env::var_os(VARIABLE).is_some_and(|wish| wish == "1") {
        return;
    }
    let none = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    if let Err(error) = none.and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable)) {
        tracing::warn!(%error, "a crash may leave a core dump");
    }
}

/// Other systems keep none unless they are told to.
#[cfg(not(target_os = "linux"))]
pub fn forbid() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

    #[test]
    fn nothing_can_be_dumped_unless_somebody_wants_it() {
        // It holds for the whole process, so this test has one of its own.
        const ALONE: &str = "HARK_TEST_ALONE";
        if std::env::var_os(ALONE).is_none() {
            for (wish, left) in [("", "forbidden"), ("1", "allowed")] {
                let child = std::process::Command::new(std::env::current_exe().unwrap())
                    .args(["--exact", "platform::dumps::tests::nothing_can_be_dumped_unless_somebody_wants_it"])
                    .env(ALONE, left)
                    .env(super::VARIABLE, wish)
                    .output()
                    .unwrap();
                let said = String::from_utf8_lossy(&child.stdout);
                assert!(child.status.success() && said.contains("1 passed"), "{said}");
            }
            return;
        }
        let before = getrlimit(Resource::Core).current;
        super::forbid();
        let forbidden = std::env::var_os(ALONE).is_some_and(|left| left == "forbidden");
        assert_eq!(dumpable_behavior().unwrap() == DumpableBehavior::NotDumpable, forbidden);
        assert_eq!(getrlimit(Resource::Core).current, if forbidden { Some(0) } else { before });
    }
}
