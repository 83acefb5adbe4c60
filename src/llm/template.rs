//! The model's own chat template, rendered with placeholders for what people and models say.
//!
//! Templates are Jinja as Hugging Face's `apply_chat_template` runs them: `trim_blocks` and `lstrip_blocks` on, Python's string
//! methods, `raise_exception`, `strftime_now`. Only the marks come from the template: the texts are put in afterwards, as
//! tokens that cannot be special ones, so nobody can type a mark.
//!
//! A template is a program that came with the file. What it may take is limited (`llm::metered`), and it is tried with short
//! and with long conversations before it is used.

use super::metered::{self, Limits, Meter};
use minijinja::machinery::{eval, make_string_output};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, context};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Used when a file has no template of its own that works, and the vocabulary knows `<|im_start|>`.
const CHATML: &str = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/// Used for all other models without a template.
const PLAIN: &str = "{% for m in messages %}{% if m.role == 'system' %}{{ m.content + '\\n\\n' }}{% elif m.role == 'user' %}\
{{ 'User: ' + m.content + '\\n' }}{% else %}{{ 'Assistant:' + m.content + '\\n' }}{% endif %}{% endfor %}\
{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}";

/// A part of a rendered prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text of the template; its special tokens are real ones.
    Marks(String),
    /// The system prompt.
    System,
    /// What the user said in the turn of this number.
    User(usize),
    /// What the model answered in the turn of this number.
    Answer(usize),
}

/// Which template is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The file's own.
    Own,
    /// ChatML, because the file has none that works.
    ChatMl,
    /// `User:` and `Assistant:`, because the model knows no marks.
    Plain,
}

/// A template that is known to render.
pub struct Template {
    source: String,
    syntax: SyntaxConfig,
    /// `strftime_now` says this time as long as the template lives, so that all prompts of a conversation begin alike.
    now: jiff::Zoned,
    form: Form,
    bos: String,
    eos: String,
    /// The template has no system role: the system prompt goes into the first user text.
    folds_system: bool,
}

const NAME: &str = "chat";
/// Conversations of so many answered turns are tried when a model is loaded.
const TRIED: [usize; 5] = [2, 4, 8, 32, 100];
// Private-use characters: no template splits or trims them. The texts of people never stand where these are looked for.
const OPEN: char = '\u{F8F0}';
const CLOSE: char = '\u{F8F1}';

impl Template {
    /// Takes the file's own template if it renders, else a fallback.
    #[must_use]
    pub fn new(own: Option<&str>, bos: &str, eos: &str, knows_im_start: bool) -> Template {
        if let Some(source) = own {
            match Template::try_new(source, Form::Own, bos, eos) {
                Ok(template) => return template,
                Err(error) => tracing::warn!(%error, "the model's chat template does not work; a fallback is used"),
            }
        }
        let (form, source) = if knows_im_start { (Form::ChatMl, CHATML) } else { (Form::Plain, PLAIN) };
        // The fallbacks are constants that the tests render; a failure would show as an error at the first render.
        Template::try_new(source, form, bos, eos).unwrap_or_else(|_| Template {
            source: String::new(),
            syntax: SyntaxConfig::default(),
            now: jiff::Zoned::now(),
            form: Form::Plain,
            bos: bos.to_owned(),
            eos: eos.to_owned(),
            folds_system: false,
        })
    }

    fn try_new(source: &str, form: Form, bos: &str, eos: &str) -> Result<Template, Error> {
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
        let source = metered::without_constant_factors(&without_generation_tags(source), &syntax)?;
        let now = jiff::Zoned::now();
        let mut template = Template { source, syntax, now, form, bos: bos.to_owned(), eos: eos.to_owned(), folds_system: false };
        let sample = |template: &Template| template.render(true, 1);
        let has_system = |pieces: &[Piece]| pieces.contains(&Piece::System);
        if !sample(&template).is_ok_and(|pieces| has_system(&pieces)) {
            template.folds_system = true;
        }
        // All that a conversation needs must come out: two users, one answer, and the system prompt.
        let pieces = sample(&template)?;
        let complete = has_system(&pieces) && [Piece::User(0), Piece::Answer(0), Piece::User(1)].iter().all(|p| pieces.contains(p));
        if !complete {
            return Err(Error::new(ErrorKind::InvalidOperation, "the template leaves messages out"));
        }
        template.render(false, 0)?;
        // Some wait until a conversation is long. One that cannot be had at all with this model is better known now.
        for answered in TRIED {
            let pieces = template.render(true, answered)?;
            if !pieces.contains(&Piece::User(answered)) {
                return Err(Error::new(ErrorKind::InvalidOperation, "the template leaves messages out"));
            }
        }
        Ok(template)
    }

    /// Which template is used.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// Texts that end an answer, for forms whose models know no mark for it.
    #[must_use]
    pub fn stops(&self) -> &'static [&'static str] {
        if self.form == Form::Plain { &["\nUser:", "\nAssistant:"] } else { &[] }
    }

    /// The prompt for a conversation of `answered` finished turns and one open question (whose number is `answered`).
    ///
    /// # Errors
    /// When the template refuses.
    pub fn render(&self, system: bool, answered: usize) -> Result<Vec<Piece>, Error> {
        let mut messages = Vec::new();
        if system && !self.folds_system {
            messages.push(message("system", mark("s", 0)));
        }
        for turn in 0..=answered {
            let user = mark("u", turn);
            let folded = system && self.folds_system && turn == 0;
            messages.push(message("user", if folded { format!("{}\n\n{user}", mark("s", 0)) } else { user }));
            if turn < answered {
                messages.push(message("assistant", mark("a", turn)));
            }
        }
        let limits = Limits::of(messages.len());
        let values = context! {
            messages,
            add_generation_prompt => true,
            bos_token => &self.bos,
            eos_token => &self.eos,
            tools => Value::from(()),
            documents => Value::from(()),
            // Hybrid models (Qwen 3): a spoken answer must not wait for hundreds of tokens of thinking.
            enable_thinking => false,
        };
        let text = self.text(values, limits)?;
        Ok(split(&text))
    }

    fn text(&self, values: Value, limits: Limits) -> Result<String, Error> {
        let meter = Arc::new(Meter::default());
        let env = self.environment(&meter, limits);
        // Compiled anew each time: 0.1 ms, and nothing has to outlive anything.
        let instructions = metered::compile(NAME, &self.source, &self.syntax)?;
        let blocks = BTreeMap::new();
        meter.fill(limits);
        let mut text = String::new();
        eval(&env, &instructions, values, &blocks, &mut make_string_output(&mut text), AutoEscape::None)?;
        Ok(text)
    }

    fn environment(&self, meter: &Arc<Meter>, limits: Limits) -> Environment<'_> {
        let mut env = Environment::new();
        env.set_fuel(Some(limits.fuel));
        env.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        env.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        let now = self.now.clone();
        env.add_function("strftime_now", move |format: String| -> Result<String, Error> {
            // A directive may ask for up to 255 characters.
            if format.len() > 64 {
                return Err(Error::new(ErrorKind::InvalidOperation, "the format of the date is too long"));
            }
            jiff::fmt::strtime::format(&format, &now).map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
        });
        metered::install(&mut env, meter);
        env
    }
}

fn message(role: &str, content: String) -> Value {
    context! { role, content }
}

fn mark(kind: &str, turn: usize) -> String {
    format!("{OPEN}{kind}{turn}{CLOSE}")
}

/// Cuts rendered text at the placeholders.
fn split(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let marks = |text: &str, pieces: &mut Vec<Piece>| {
        if !text.is_empty() {
            pieces.push(Piece::Marks(text.to_owned()));
        }
    };
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        let Some((inside, after)) = after.split_once(CLOSE) else { break };
        marks(before, &mut pieces);
        let turn = inside.get(1..).and_then(|n| n.parse().ok()).unwrap_or(0);
        pieces.push(match inside.chars().next() {
            Some('s') => Piece::System,
            Some('u') => Piece::User(turn),
            _ => Piece::Answer(turn),
        });
        rest = after;
    }
    marks(rest, &mut pieces);
    pieces
}

/// Hugging Face's `{% generation %}` blocks mark what is trained on; they render to their content.
fn without_generation_tags(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        // Looked for behind the opening, as `{%}` has only one of the two.
        let Some(len) = rest[start + 2..].find("%}").map(|len| len + 2) else { break };
        let tag = &rest[start + 2..start + len];
        let name = tag.trim_matches(['-', '+', ' ', '\t', '\n']);
        out.push_str(&rest[..start]);
        if !matches!(name, "generation" | "endgeneration") {
            out.push_str(&rest[start..start + len + 2]);
        } else {
            // An empty comment keeps the tag's hold on the blanks around it.
            let (left, right) = (if tag.starts_with('-') { "-" } else { "" }, if tag.ends_with('-') { "-" } else { "" });
            out.push_str(&format!("{{#{left} {right}#}}"));
        }
        rest = &rest[start + len + 2..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
