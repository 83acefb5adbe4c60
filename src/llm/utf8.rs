//! Bytes of tokens into text: a character may be split over tokens and is held back until it is whole.

/// An incremental decoder. Bytes that can never become a character come out as U+FFFD.
#[derive(Clone, Debug, Default)]
pub struct Utf8Stream {
    held: Vec<u8>,
}

impl Utf8Stream {
    /// Takes more bytes; gives the whole characters so far.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.held.extend_from_slice(bytes);
        let mut text = String::new();
        let mut from = 0;
        loop {
            let rest = self.held.get(from..).unwrap_or_default();
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    from = self.held.len();
                    break;
                }
                Err(error) => {
                    let valid = error.valid_up_to();
                    text.push_str(&String::from_utf8_lossy(&rest[..valid]));
                    from += valid;
                    match error.error_len() {
                        // The beginning of a character: wait for the rest.
                        None => break,
                        Some(bad) => {
                            text.push('\u{FFFD}');
                            from += bad;
                        }
                    }
                }
            }
        }
        self.held.drain(..from);
        text
    }

    /// The end of the text: a character that never became whole is one U+FFFD.
    pub fn finish(&mut self) -> String {
        if std::mem::take(&mut self.held).is_empty() { String::new() } else { "\u{FFFD}".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_split_character_comes_whole() {
        let mut stream = Utf8Stream::default();
        assert_eq!(stream.push(&"é".as_bytes()[..1]), "");
        assert_eq!(stream.push(&"é".as_bytes()[1..]), "é");
        assert_eq!(stream.push(b"\xF0\x9F\x98"), "");
        assert_eq!(stream.finish(), "\u{FFFD}");
        assert_eq!(stream.push(b"a\xFFb"), "a\u{FFFD}b");
        assert_eq!(stream.finish(), "");
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_text(text in "\\PC{0,40}", cuts in proptest::collection::vec(0_usize..200, 0..12)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(text.len())).collect();
            cuts.sort_unstable();
            let mut stream = Utf8Stream::default();
            let (mut out, mut from) = (String::new(), 0);
            for cut in cuts.into_iter().chain([text.len()]) {
                out.push_str(&stream.push(&text.as_bytes()[from..cut]));
                from = cut;
            }
            out.push_str(&stream.finish());
            prop_assert_eq!(out, text);
        }
    }
}
