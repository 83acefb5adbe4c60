//! From texts to tokens and back, so that only the template can write special tokens.

use super::template::Piece;
use llama_cpp_2::model::{LlamaModel, VocabType};
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token_type::LlamaTokenAttr;
use llama_cpp_2::vocab::LlamaVocab;
use std::collections::HashMap;

/// Longest stretch without a blank (or of blanks alone) that is tokenised in one go, bytes. llama.cpp splits words for
/// some models by `std::regex`, which recurses once a character and would exhaust the stack on endless words.
const LONGEST_WORD: usize = 2048;

/// A special token, as it is written in a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Special {
    text: String,
    token: LlamaToken,
    strip_before: bool,
    strip_after: bool,
}

/// The special tokens by their first byte, longest first.
#[derive(Debug, Default)]
pub(super) struct Specials(HashMap<u8, Vec<Special>>);

impl Specials {
    fn new(all: impl IntoIterator<Item = Special>) -> Self {
        let mut map: HashMap<u8, Vec<Special>> = HashMap::new();
        for special in all {
            if let Some(first) = special.text.bytes().next() {
                map.entry(first).or_default().push(special);
            }
        }
        for list in map.values_mut() {
            list.sort_by_key(|s| std::cmp::Reverse(s.text.len()));
        }
        Specials(map)
    }

    /// The first special token in `text` and where it stands.
    fn find(&self, text: &str) -> Option<(usize, &Special)> {
        text.char_indices().find_map(|(at, _)| {
            let rest = &text[at..];
            let list = self.0.get(rest.as_bytes().first()?)?;
            list.iter().find(|s| rest.starts_with(&s.text)).map(|s| (at, s))
        })
    }
}

/// What is said in a conversation, for [`Vocabulary::encode`].
pub(super) trait Contents {
    /// The system prompt.
    fn system(&self) -> &str;
    /// The user's words of a turn.
    fn user(&self, turn: usize) -> &str;
    /// The tokens of the answer of a turn.
    fn answer(&self, turn: usize) -> &[LlamaToken];
}

/// A model's vocabulary with what Hark needs to know about it.
#[derive(Debug)]
pub(super) struct Vocabulary<'m> {
    vocab: LlamaVocab<'m>,
    specials: Specials,
    /// Bytes of the longest word: a text of `n` bytes has at least `n / longest` tokens.
    longest: usize,
    bos: Option<LlamaToken>,
    sentence_piece: bool,
}

impl<'m> Vocabulary<'m> {
    pub(super) fn new(model: &'m LlamaModel) -> Self {
        let vocab = model.vocab();
        let mut longest = 1;
        let mut specials = Vec::new();
        let mut piece = Vec::new();
        for token in vocab.tokens() {
            piece.clear();
            vocab.token_to_piece_into(token, &mut piece, true, None);
            longest = longest.max(piece.len());
            let attr = vocab.attr(token);
            if attr.contains(LlamaTokenAttr::Control) || attr.contains(LlamaTokenAttr::Unknown) {
                specials.push(Special {
                    text: vocab.text(token).map(|t| t.to_string_lossy().into_owned()).unwrap_or_default(),
                    token,
                    strip_before: attr.contains(LlamaTokenAttr::LStrip),
                    strip_after: attr.contains(LlamaTokenAttr::RStrip),
                });
            }
        }
        let bos = Some(vocab.bos()).filter(|t| t.0 >= 0 && t.0 < vocab.n_tokens());
        let sentence_piece = matches!(vocab.vocab_type(), VocabType::SPM);
        Vocabulary { vocab, specials: Specials::new(specials), longest, bos, sentence_piece }
    }

    /// Text of the mark that begins a text, and of the one that ends it; empty when there is none.
    pub(super) fn bos_eos(&self) -> (String, String) {
        let text = |token: LlamaToken| {
            let known = token.0 >= 0 && token.0 < self.vocab.n_tokens();
            known.then(|| self.vocab.text(token)).flatten().map(|t| t.to_string_lossy().into_owned()).unwrap_or_default()
        };
        (text(self.vocab.bos()), text(self.vocab.eos()))
    }

    pub(super) fn knows(&self, special: &str) -> bool {
        self.specials.find(special).is_some_and(|(at, s)| at == 0 && s.text == special)
    }

    pub(super) fn is_end(&self, token: LlamaToken) -> bool {
        self.vocab.is_eog(token)
    }

    /// At least so many tokens a text has, without tokenising it.
    pub(super) fn at_least(&self, text: &str) -> usize {
        text.len() / self.longest
    }

    /// Tokens of a text in which nothing is special.
    pub(super) fn plain(&self, text: &str, into: &mut Vec<LlamaToken>) {
        for part in parts(text) {
            into.extend(self.vocab.tokenize(part.as_bytes(), false, false));
        }
    }

    /// Tokens of an answer that has to be tokenised again.
    pub(super) fn answer(&self, text: &str) -> Vec<LlamaToken> {
        let mut tokens = Vec::new();
        // SentencePiece puts a blank in front of a text by itself.
        self.plain(if self.sentence_piece { text.trim_start() } else { text }, &mut tokens);
        tokens
    }

    /// The text of an answer's tokens, for [`Vocabulary::answer`].
    pub(super) fn text(&self, tokens: &[LlamaToken]) -> String {
        String::from_utf8_lossy(&self.vocab.detokenize(tokens, false, false)).into_owned()
    }

    /// The bytes of a generated token. Marks are nothing, but for the marks of thinking, which must be seen.
    pub(super) fn piece(&self, token: LlamaToken) -> Vec<u8> {
        if self.vocab.is_control(token) {
            let whole = self.vocab.token_to_piece(token, true, None);
            let thinking = [&b"<think>"[..], b"</think>", b"<thinking>", b"</thinking>"].contains(&whole.as_slice());
            return if thinking { whole } else { Vec::new() };
        }
        self.vocab.token_to_piece(token, false, None)
    }

    /// The tokens of a prompt: special tokens from the template only; its other text and what people said are tokenised
    /// together, as if the prompt were one text, so that the tokens are those of any other program.
    pub(super) fn encode(&self, pieces: &[Piece], contents: &dyn Contents) -> Vec<LlamaToken> {
        let mut tokens = Vec::new();
        if let Some(bos) = self.bos
            && self.vocab.should_add_bos()
        {
            tokens.push(bos);
        }
        let mut text = String::new();
        let mut strip = false;
        for piece in pieces {
            match piece {
                Piece::System => text.push_str(contents.system().trim()),
                Piece::User(turn) => text.push_str(contents.user(*turn).trim()),
                Piece::Answer(turn) => {
                    self.flush(&mut text, &mut strip, &mut tokens);
                    tokens.extend_from_slice(contents.answer(*turn));
                }
                Piece::Marks(marks) => {
                    let mut rest = marks.as_str();
                    while let Some((at, special)) = self.specials.find(rest) {
                        text.push_str(&rest[..at]);
                        if special.strip_before {
                            text.truncate(text.trim_end().len());
                        }
                        self.flush(&mut text, &mut strip, &mut tokens);
                        // The template may write the first mark itself: not twice.
                        if !(tokens.len() == 1 && Some(special.token) == self.bos && self.vocab.should_add_bos()) {
                            tokens.push(special.token);
                        }
                        strip = special.strip_after;
                        rest = &rest[at + special.text.len()..];
                    }
                    text.push_str(rest);
                }
            }
        }
        self.flush(&mut text, &mut strip, &mut tokens);
        tokens
    }

    fn flush(&self, text: &mut String, strip: &mut bool, tokens: &mut Vec<LlamaToken>) {
        let part = if *strip { text.trim_start() } else { text.as_str() };
        self.plain(part, tokens);
        text.clear();
        *strip = false;
    }
}

/// Cuts a text where a stretch of one kind (blanks, or all else) becomes too long. Ordinary text stays in one part.
fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut from, mut run, mut blank) = (0, 0, false);
    for (at, c) in text.char_indices() {
        if c.is_whitespace() != blank {
            blank = !blank;
            run = at;
        }
        if at - run >= LONGEST_WORD {
            parts.push(&text[from..at]);
            from = at;
            run = at;
        }
    }
    if from < text.len() {
        parts.push(&text[from..]);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endless_words_are_cut_and_nothing_is_lost() {
        assert_eq!(parts("hello world"), ["hello world"]);
        assert!(parts("").is_empty());
        for text in ["x".repeat(100_000), " ".repeat(9000), "👋🏽".repeat(5000), "a b ".repeat(3000)] {
            let parts = parts(&text);
            assert_eq!(parts.concat(), text);
            assert!(parts.iter().flat_map(|p| p.split(' ')).all(|word| word.len() <= LONGEST_WORD + 4));
        }
        assert_eq!(parts(&"a b ".repeat(3000)).len(), 1);
    }

    #[test]
    fn the_longest_special_is_found() {
        let special = |text: &str, n| Special { text: text.to_owned(), token: LlamaToken(n), strip_before: false, strip_after: false };
        let specials = Specials::new([special("<|im|>", 1), special("<|im|>x", 2), special("[INST]", 3)]);
        assert_eq!(specials.find("ä <|im|>xy").map(|(at, s)| (at, s.token.0)), Some((3, 2)));
        assert_eq!(specials.find("[INST] <|im|>").map(|(at, s)| (at, s.token.0)), Some((0, 3)));
        assert!(specials.find("<|im |> [INS").is_none());
    }
}
