//! Tables of words and symbols beside a voice, read line by line: nothing larger than a line is held here.

use crate::platform::files;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Longest line, bytes. The longest real one (a Chinese saying with its sounds) has under 200.
const MAX_LINE: u64 = 4_096;

/// What a table may have at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Size of the file.
    pub(super) bytes: u64,
    /// Lines.
    pub(super) lines: usize,
}

/// Gives each line of a UTF-8 file that is not empty, without its end, to `take`.
///
/// # Errors
/// What is wrong with the file, as a part of a sentence. What `take` says follows the number of the line: `its tokens.txt is wrong in
/// line 3: …`.
pub(super) fn each_line(path: &Path, limits: Limits, mut take: impl FnMut(&str) -> Result<(), String>) -> Result<(), String> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let metadata = std::fs::metadata(path).map_err(|_| format!("its {name:.80} is missing"))?;
    if !metadata.is_file() {
        return Err(format!("its {name:.80} is not a file"));
    }
    if metadata.len() > limits.bytes {
        return Err(format!("its {name:.80} is larger than the {} MB that such a table may have", limits.bytes >> 20));
    }
    let unreadable = |error: std::io::Error| format!("its {name:.80} cannot be read ({error})");
    // A file that grows while it is read ends here as well.
    let mut reader = BufReader::with_capacity(1 << 16, files::open(path).map_err(unreadable)?.take(limits.bytes));
    let (mut line, mut number) = (Vec::new(), 0);
    loop {
        line.clear();
        if (&mut reader).take(MAX_LINE + 1).read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
            return Ok(());
        }
        number += 1;
        if number > limits.lines {
            return Err(format!("its {name:.80} has more than {} lines", limits.lines));
        }
        if line.len() as u64 > MAX_LINE {
            return Err(format!("its {name:.80} is no table: line {number} is longer than {MAX_LINE} bytes"));
        }
        let text = std::str::from_utf8(&line).ok().filter(|text| !text.contains('\0'));
        let text = text.ok_or_else(|| format!("its {name:.80} is no text (line {number})"))?;
        let text = if number == 1 { text.trim_start_matches('\u{feff}') } else { text }.trim_end_matches(['\r', '\n']);
        if !text.trim().is_empty() {
            take(text).map_err(|reason| format!("its {name:.80} is wrong in line {number}: {reason}"))?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { bytes: 1 << 20, lines: 1_000 };

    fn lines_of(bytes: &[u8]) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.txt");
        std::fs::write(&path, bytes).unwrap();
        let mut found = Vec::new();
        each_line(&path, LIMITS, |line| {
            found.push(line.to_owned());
            if line == "bad" { Err("it is bad".to_owned()) } else { Ok(()) }
        })?;
        Ok(found)
    }

    #[test]
    fn lines_come_one_by_one_without_their_ends() {
        assert_eq!(lines_of("\u{feff}a 1\r\n\n  2\n好 3".as_bytes()).unwrap(), ["a 1", "  2", "好 3"]);
        assert_eq!(lines_of(b"").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_table_is_refused_with_the_line() {
        let long = [b'x'; 5_000];
        let many = b"a\n".repeat(1_001);
        let cases: [(&[u8], &str); 6] = [
            (b"a 1\n\xff\xfe 2\n", "no text (line 2)"),
            (b"\x08\0\0\x12", "no text (line 1)"),
            (&long, "longer than"),
            (&many, "more than 1000 lines"),
            (&[b'\n'; (1 << 20) + 1], "larger than the 1 MB"),
            (b"a\nbad\n", "wrong in line 2: it is bad"),
        ];
        for (bytes, part) in cases {
            let reason = lines_of(bytes).unwrap_err();
            assert!(reason.contains(part), "{part}: {reason}");
        }
    }

    #[test]
    fn a_missing_table_and_a_folder_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let read = |path: &Path| each_line(path, LIMITS, |_| Ok(())).unwrap_err();
        assert_eq!(read(&folder.path().join("tokens.txt")), "its tokens.txt is missing");
        assert!(read(folder.path()).ends_with("is not a file"));
    }
}
