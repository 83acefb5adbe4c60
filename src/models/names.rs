//! Names that may become folders and files of the store, on every system.

/// Longest name of a model, bytes.
const LONGEST_ID: usize = 80;
/// Longest name of a file, bytes: with the model's name before it, it must fit into the header of a pack.
const LONGEST_FILE: usize = 100;
/// Names that Windows keeps for devices, with any ending.
const DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "lpt1", "lpt2", "lpt3", "lpt4",
    "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// Whether this may be the name of a model: lower-case letters, digits, `-`, `.`, `_`; it starts with a letter or digit.
#[must_use]
pub fn is_id(name: &str) -> bool {
    (1..=LONGEST_ID).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte))
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && !name.ends_with('.')
        // Such folders of `.incoming` are leftovers.
        && !name.starts_with("import-")
        && !name.starts_with("trash-")
        && !is_device(name)
}

/// Whether this may be the name of a file in a model's folder: no path, nothing hidden, nothing that a system refuses.
#[must_use]
pub fn is_file_name(name: &str) -> bool {
    (1..=LONGEST_FILE).contains(&name.len())
        && !name.starts_with('.')
        && !name.ends_with(['.', ' '])
        && !name.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|'])
        && !name.chars().any(char::is_control)
        && name != super::record::FILE
        && !is_device(&name.to_ascii_lowercase())
}

fn is_device(name: &str) -> bool {
    DEVICES.contains(&name.split('.').next().unwrap_or_default())
}

/// A model's name made of a file's name: `en_US-lessac-medium` is `en_us-lessac-medium`, `My Model (v2)` is `my-model-v2`.
#[must_use]
pub fn id_of(name: &str) -> String {
    let mut id = String::new();
    for letter in name.chars().map(|letter| letter.to_ascii_lowercase()) {
        if letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_') {
            id.push(letter);
        } else if !id.is_empty() && !id.ends_with('-') {
            id.push('-');
        }
    }
    id.truncate(LONGEST_ID - 8); // room for a number behind it
    let id = id.trim_matches(['-', '.', '_']);
    if is_id(id) { id.to_owned() } else { "model".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_lead_elsewhere_are_no_names() {
        for bad in ["", ".", "..", ".incoming", "a/b", "a\\b", "A", "ä", "nul", "com1.x", "a.", "-a", &"a".repeat(81)] {
            assert!(!is_id(bad), "{bad}");
        }
        for good in ["a", "whisper-base.en-q5_1", "0.5b", "en_us-lessac"] {
            assert!(is_id(good), "{good}");
        }
        for bad in ["", ".", "..", ".hidden", "a/b", "..\\x", "C:x", "a\0", "a\n", "NUL.bin", "x.", "hark-model.toml", &"a".repeat(101)] {
            assert!(!is_file_name(bad), "{bad:?}");
        }
        for good in ["ggml-base.bin", "en_US-lessac.onnx.json", "模型.gguf", "a b.onnx"] {
            assert!(is_file_name(good), "{good}");
        }
    }

    #[test]
    fn a_file_s_name_becomes_a_name_for_commands() {
        assert_eq!(id_of("en_US-lessac-medium"), "en_us-lessac-medium");
        assert_eq!(id_of("My Model (v2)"), "my-model-v2");
        assert_eq!(id_of("模型"), "model");
        assert_eq!(id_of("CON"), "model");
    }

    proptest! {
        #[test]
        fn whatever_the_file_is_called_the_name_is_one(name in ".{0,200}") {
            prop_assert!(is_id(&id_of(&name)), "{:?}", id_of(&name));
        }
    }
}
