//! What a process may do that reads a file which nobody knows: Landlock (which files) and seccomp (which system calls), where
//! the kernel has them. Used by the child that tries models out ([`crate::models::probe`]); one day by the process that hears, too.
//!
//! Refused calls give EPERM and do not kill: a library that looks for a name server or a tracer in passing goes on without.

use std::path::PathBuf;

/// What the kernel could do, or did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walls {
    /// Landlock: files outside of what was allowed cannot be opened.
    pub files: bool,
    /// seccomp: no network, no other program, no tracing.
    pub calls: bool,
}

/// Shuts this process in, for ever, with all threads: it may read `read` (files, or folders with all in them) and write in
/// `write`, which are there; it opens no socket, starts no program, and traces or signals nobody. Gives what holds.
#[cfg(target_os = "linux")]
#[must_use]
pub fn confine(read: &[PathBuf], write: &[PathBuf]) -> Walls {
    let files = linux::files(read, write).inspect_err(|error| tracing::warn!(%error, "no wall around files"));
    let calls = linux::calls().inspect_err(|error| tracing::warn!(%error, "no wall around system calls"));
    Walls { files: files.unwrap_or(false), calls: calls.is_ok() }
}

/// What this kernel has, without using it.
#[cfg(target_os = "linux")]
#[must_use]
pub fn possible() -> Walls {
    Walls { files: linux::landlock(), calls: std::path::Path::new("/proc/sys/kernel/seccomp/actions_avail").exists() }
}

/// Nothing yet.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn confine(_read: &[PathBuf], _write: &[PathBuf]) -> Walls {
    Walls::default()
}

/// Nothing yet.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn possible() -> Walls {
    Walls::default()
}

#[cfg(target_os = "linux")]
mod linux {
    use landlock::{
        ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
        RulesetError, RulesetStatus,
    };
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, apply_filter_all_threads,
    };
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    /// Truncating belongs to writing only since the third version; older kernels do what they can.
    const KNOWN: ABI = ABI::V3;

    pub(super) fn landlock() -> bool {
        let first = Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(AccessFs::from_all(ABI::V1));
        first.and_then(Ruleset::create).is_ok()
    }

    pub(super) fn files(read: &[PathBuf], write: &[PathBuf]) -> Result<bool, RulesetError> {
        let all = AccessFs::from_all(KNOWN);
        let mut rules = Ruleset::default().handle_access(all)?.create()?;
        // Running a file is never allowed; libraries are read, and mapped.
        let reading = AccessFs::ReadFile | AccessFs::ReadDir;
        for (paths, access) in [(read, reading), (write, all & !AccessFs::Execute)] {
            for path in paths {
                // What is not there needs no rule.
                let Ok(place) = PathFd::new(path) else { continue };
                let access: BitFlags<AccessFs> = if path.is_dir() { access } else { access & AccessFs::from_file(KNOWN) };
                rules = rules.add_rule(PathBeneath::new(place, access))?;
            }
        }
        Ok(rules.restrict_self()?.ruleset != RulesetStatus::NotEnforced)
    }

    /// Calls that no engine needs.
    const REFUSED: [libc::c_long; 30] = [
        // The network, and everything else that is reached by a socket.
        libc::SYS_socket,
        // Other programs.
        libc::SYS_execve,
        libc::SYS_execveat,
        // Other processes.
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_send_signal,
        libc::SYS_pidfd_getfd,
        libc::SYS_kcmp,
        // Ways around a filter, and parts of the kernel that had the holes.
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_keyctl,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_open_by_handle_at,
        // The system as a whole.
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_kexec_load,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_reboot,
    ];
    /// Signals go to this process only: an engine that gives up sends itself one.
    const SIGNALS: [libc::c_long; 2] = [libc::SYS_kill, libc::SYS_tgkill];

    pub(super) fn calls() -> Result<(), Box<dyn std::error::Error>> {
        let own = u64::from(std::process::id());
        let other = || SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, own);
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
        for call in SIGNALS {
            rules.insert(call, vec![SeccompRule::new(vec![other()?])?]);
        }
        let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, std::env::consts::ARCH.try_into()?)?;
        // Sets `no_new_privs` first: a program with other rights could not be started either.
        apply_filter_all_threads(&BpfProgram::try_from(filter)?)?;
        Ok(())
    }
}
