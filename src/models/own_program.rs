//! The program that runs now, for those who start it once more as a child.

use std::io;
use std::path::{Path, PathBuf};

/// What is started to run this very program again. On Linux it is the system's name for the running program: it holds also
/// when an update has replaced or deleted the file, which would otherwise be called `/usr/bin/hark (deleted)`.
///
/// # Errors
/// When the system does not say it.
pub(crate) fn own_program() -> io::Result<PathBuf> {
    let own = Path::new("/proc/self/exe");
    if own.exists() { Ok(own.to_owned()) } else { std::env::current_exe() }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_program_outlives_an_update() {
        assert_eq!(own_program().unwrap(), Path::new("/proc/self/exe"));
    }
}
