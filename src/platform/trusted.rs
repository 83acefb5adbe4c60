//! Whose files are believed: a library is code, and whoever can write it, its folder or a folder above runs code as the person
//! who starts Hark.

use std::path::{Path, PathBuf};

/// The checkout in which this program was built, where it is this machine's and cannot be another person's: the program lies in
/// it, or nobody but this user and root could have put it there. (A program that was built in `/tmp/hark` and carried elsewhere
/// must not believe the `/tmp/hark` of that machine.)
#[must_use]
pub fn checkout() -> Option<PathBuf> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = std::env::current_exe().ok();
    let inside = program.is_some_and(|program| program.starts_with(built));
    (built.join("Cargo.toml").is_file() && (inside || doubt(built).is_none())).then(|| built.to_owned())
}

/// Why this file or folder, or a folder above it, could be another person's work; `None`: nobody but its owner and root can
/// write there, and the owner is this user, root, or the owner of the program that runs. A part of a sentence.
#[cfg(unix)]
#[must_use]
pub fn doubt(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let owner = std::env::current_exe().and_then(|program| program.metadata()).map_or(0, |program| program.uid());
    let owners = [0, rustix::process::geteuid().as_raw(), owner];
    let Ok(real) = std::fs::canonicalize(path) else { return Some("it is not there".to_owned()) };
    let mut below = true;
    for place in real.ancestors() {
        let Ok(look) = place.symlink_metadata() else { return Some(format!("{} cannot be looked at", place.display())) };
        if !owners.contains(&look.uid()) {
            return Some(format!("{} belongs to another user", place.display()));
        }
        // In a folder with the sticky bit (/tmp) nobody can put another thing in the place of what belongs to us.
        let kept = !below && look.is_dir() && look.mode() & 0o1000 != 0;
        let group = look.mode() & 0o020 != 0 && !is_private_group(look.gid(), look.uid());
        if (group || look.mode() & 0o002 != 0) && !kept {
            return Some(format!("{} can be written by others (chmod go-w mends that)", place.display()));
        }
        below = false;
    }
    None
}

/// Elsewhere the system's own rules for program folders have to do.
#[cfg(not(unix))]
#[must_use]
pub fn doubt(path: &Path) -> Option<String> {
    (!path.exists()).then(|| "it is not there".to_owned())
}

/// A group of one person, which many systems make for each user, and then a umask of 002: it has the user's number, and
/// `/etc/group` lists nobody else in it.
#[cfg(unix)]
fn is_private_group(group: u32, owner: u32) -> bool {
    let Ok(groups) = std::fs::read_to_string("/etc/group") else { return false };
    let number = group.to_string();
    let line = groups.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|line| line.get(2) == Some(&number.as_str()));
    let [name, _, _, members] = line.as_deref().unwrap_or_default() else { return false };
    group != 0 && group == owner && (members.is_empty() || members == name)
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)] // helpers of tests are not recognised as tests
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_others_can_write_is_not_believed_at_any_height() {
        let folder = tempfile::tempdir().unwrap();
        let (middle, file) = (folder.path().join("middle"), folder.path().join("middle/lib.so"));
        std::fs::create_dir(&middle).unwrap();
        std::fs::write(&file, b"").unwrap();
        mode(&middle, 0o755);
        mode(&file, 0o644);
        assert_eq!(doubt(&file), None, "a folder of ours under /tmp is ours: /tmp has the sticky bit");
        for (place, wrong, right) in [(&file, 0o666, 0o644), (&middle, 0o757, 0o755), (&middle, 0o1777, 0o755)] {
            mode(place, wrong);
            let why = doubt(&file);
            // With the sticky bit others can add, and not replace: what is ours in it stays ours.
            assert_eq!(why.is_some(), wrong != 0o1777, "{wrong:o} {why:?}");
            mode(place, right);
        }
        mode(folder.path(), 0o770);
        let why = doubt(&file);
        assert!(why.as_ref().is_some_and(|why| why.contains("chmod go-w")) || is_private_group(group_of(folder.path()), 0), "{why:?}");
        assert_eq!(doubt(&folder.path().join("nothing")), Some("it is not there".to_owned()));
    }

    fn group_of(path: &Path) -> u32 {
        std::os::unix::fs::MetadataExt::gid(&path.metadata().unwrap())
    }

    #[test]
    fn a_link_is_judged_by_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let open = folder.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::write(open.join("lib.so"), b"").unwrap();
        mode(&open, 0o777);
        let link = folder.path().join("lib.so");
        std::os::unix::fs::symlink(open.join("lib.so"), &link).unwrap();
        assert!(doubt(&link).is_some_and(|why| why.contains("written by others")));
    }

    #[test]
    fn the_tests_run_in_the_checkout_that_they_were_built_in() {
        assert_eq!(checkout(), Some(PathBuf::from(env!("CARGO_MANIFEST_DIR"))));
    }
}
