//! What was said, heard, typed, answered or told to the model: text that is in no log.

use std::borrow::Borrow;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// A text whose `Debug` shows its length only, and which has no `Display`: a log line (`?event`, `%text`), a failed assertion or a
/// panic that holds a message of the program does not hold what was said. Who wants the words takes them as a `&str`.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Private(String);

impl Private {
    /// The words.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Debug for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.0.len())
    }
}

impl Deref for Private {
    type Target = String;
    fn deref(&self) -> &String {
        &self.0
    }
}

impl DerefMut for Private {
    fn deref_mut(&mut self) -> &mut String {
        &mut self.0
    }
}

impl Borrow<str> for Private {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<String> for Private {
    fn from(text: String) -> Self {
        Private(text)
    }
}

impl From<&str> for Private {
    fn from(text: &str) -> Self {
        Private(text.to_owned())
    }
}

impl From<&String> for Private {
    fn from(text: &String) -> Self {
        Private(text.clone())
    }
}

impl From<Private> for String {
    fn from(text: Private) -> Self {
        text.0
    }
}

impl PartialEq<str> for Private {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Private {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl PartialEq<String> for Private {
    fn eq(&self, other: &String) -> bool {
        self.0 == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_length_is_shown() {
        let said = Private::from("my PIN is 4711");
        assert_eq!(format!("{said:?} {:?}", Some(&said)), "<14 bytes> Some(<14 bytes>)");
        assert_eq!(serde_json::to_string(&said).unwrap(), "\"my PIN is 4711\"");
    }
}
