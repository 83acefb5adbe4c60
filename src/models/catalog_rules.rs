//! The rules that a catalog must keep; each is a sentence that names the model and the field. One pass over the models.

use super::{Catalog, CatalogError, CatalogFile, CatalogModel, Evidence, ModelKind, Source};
use std::collections::HashSet;

/// The only version of the format so far.
const FORMAT: u32 = 1;
/// Longest name of a model, for programs and for people, and of a file, bytes.
const LONGEST_ID: usize = 64;
const LONGEST_NAME: usize = 100;
const LONGEST_FILE: usize = 200;
const LONGEST_PATH: usize = 500;
/// Most files and most sources of one model.
const MOST_OF_ONE: usize = 64;
/// A file of 1 TB or more is a slip of the pen.
const MOST_FILE_BYTES: u64 = 1_000_000_000_000;
/// Contexts outside of these bounds are slips of the pen.
const CONTEXTS: std::ops::RangeInclusive<u32> = 256..=16_777_216;
/// The record that is written beside the files of an installed model.
const RECORD: &str = "hark-model.toml";

/// ISO 639-1, and the longer codes of languages that models here speak and that have no code of two letters.
const LANGUAGES: &str = "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en \
    eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km \
    kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi \
    pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz \
    ve vi vo wa wo xh yi yo za zh zu ceb fil haw yue";

/// What is wrong with a text that is no catalog at all.
pub(super) fn unreadable(text: &str, error: &toml::de::Error) -> CatalogError {
    let line = error.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
    let at = line.map_or_else(String::new, |line| format!(" in line {line}"));
    // The library says some things in several lines.
    let reason = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
    CatalogError(format!("the catalog cannot be read{at}: {reason}"))
}

/// Looks at everything.
pub(super) fn judge(catalog: &Catalog) -> Result<(), CatalogError> {
    if catalog.format != FORMAT {
        return Err(CatalogError(format!("the catalog has format {}, and this program reads format {FORMAT}", catalog.format)));
    }
    let known: HashSet<&str> = LANGUAGES.split_ascii_whitespace().chain(["*"]).collect();
    let mut ids = HashSet::new();
    for (number, model) in catalog.models.iter().enumerate() {
        // A model whose name cannot be shown is named by its place.
        check_id(&model.id).map_err(|reason| CatalogError(format!("model number {}: its id {reason}", number + 1)))?;
        let wrong = |reason: String| CatalogError(format!("model {}: {reason}", model.id));
        if !ids.insert(model.id.as_str()) {
            return Err(wrong("its id stands there twice".to_owned()));
        }
        check_model(model, &known).map_err(wrong)?;
    }
    Ok(())
}

fn check_id(id: &str) -> Result<(), String> {
    let right = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
    match id {
        "" => Err("is empty".to_owned()),
        _ if id.len() > LONGEST_ID => Err(format!("has {} bytes, and {LONGEST_ID} are the most", id.len())),
        _ if !id.bytes().all(right) => Err(format!("{} has something else than a-z, 0-9, dot, minus and underscore", short(id))),
        _ if id.starts_with('.') || id.ends_with('.') => Err(format!("{id:?} starts or ends with a dot")),
        _ if is_reserved(id) => Err(format!("{id:?} is a name that Windows keeps for itself")),
        _ => Ok(()),
    }
}

fn check_model(model: &CatalogModel, known: &HashSet<&str>) -> Result<(), String> {
    check_words("name", &model.name, LONGEST_NAME)?;
    check_words("licence", &model.licence, LONGEST_NAME)?;
    if let Some(about) = &model.about {
        check_address("about", about)?;
    }
    if model.languages.is_empty() {
        return Err("languages is empty".to_owned());
    }
    if let Some(odd) = model.languages.iter().find(|code| !known.contains(code.as_str())) {
        return Err(format!("languages has {}, which is no code of a language that is known here", short(odd)));
    }
    match (model.kind, model.context) {
        (ModelKind::Chat, None) => return Err("context is missing, and a chat model needs it".to_owned()),
        (ModelKind::Chat, Some(context)) if !CONTEXTS.contains(&context) => return Err(format!("context cannot be {context}")),
        (ModelKind::Chat, Some(_)) | (_, None) => {}
        (_, Some(_)) => return Err("context is there, and only chat models have one".to_owned()),
    }
    check_files(model)?;
    if model.sources.is_empty() && !model.starter {
        return Err("source is missing, and only a starter model can lie in the checkout".to_owned());
    }
    at_most("sources", model.sources.len())?;
    model.sources.iter().try_for_each(check_source)
}

fn check_files(model: &CatalogModel) -> Result<(), String> {
    if model.files.is_empty() {
        return Err("file is missing, and a model has at least one".to_owned());
    }
    at_most("files", model.files.len())?;
    let mut names = HashSet::new();
    let mut bytes = 0_u64;
    for file in &model.files {
        check_name(&file.name)?;
        // Windows and macOS do not tell them apart.
        if !names.insert(file.name.to_lowercase()) {
            return Err(format!("file {}: its name stands there twice", file.name));
        }
        check_file(file).map_err(|reason| format!("file {}: {reason}", file.name))?;
        bytes = bytes.saturating_add(file.bytes.unwrap_or(0));
    }
    // Half a megabyte more would be rounded away.
    if model.memory_mb < bytes / 1_000_000 {
        return Err(format!("memory_mb is {}, and its files alone have {} MB", model.memory_mb, bytes / 1_000_000));
    }
    if model.memory_mb == 0 || model.memory_mb >= MOST_FILE_BYTES / 1_000_000 {
        return Err(format!("memory_mb cannot be {}", model.memory_mb));
    }
    Ok(())
}

fn check_file(file: &CatalogFile) -> Result<(), String> {
    if let Some(path) = &file.path {
        check_path(path)?;
    }
    if let Some(bytes) = file.bytes.filter(|bytes| *bytes == 0 || *bytes >= MOST_FILE_BYTES) {
        return Err(format!("bytes cannot be {bytes}"));
    }
    if let Some(sum) = file.sha256.as_deref().filter(|sum| !is_hex(sum, 64)) {
        return Err(format!("sha256 is {}, and not 64 digits of 0-9 and a-f", short(sum)));
    }
    match (file.evidence, file.bytes, &file.sha256) {
        (Evidence::Seen, Some(_), Some(_)) | (Evidence::Unknown, None, None) => Ok(()),
        (Evidence::Seen, ..) => Err("evidence is seen, and bytes or sha256 is missing".to_owned()),
        (Evidence::Reported, None, None) => Err("evidence is reported, and neither bytes nor sha256 is there".to_owned()),
        (Evidence::Reported, ..) => Ok(()),
        (Evidence::Unknown, ..) => Err("evidence is unknown, and bytes or sha256 is there".to_owned()),
    }
}

/// A plain file name on every system, and none that Hark gives to files of its own.
fn check_name(name: &str) -> Result<(), String> {
    let wrong = |reason: &str| Err(format!("file {}: its name {reason}", short(name)));
    match name {
        "" | "." | ".." => wrong("is none"),
        _ if name.len() > LONGEST_FILE => wrong("is too long"),
        _ if name.chars().any(char::is_control) => wrong("has a control character"),
        _ if name.contains(['/', '\\']) => wrong("has a slash"),
        _ if name.contains(['<', '>', ':', '"', '|', '?', '*']) => wrong("has a character that Windows does not take"),
        _ if name.starts_with('.') || name.ends_with(['.', ' ']) => wrong("starts with a dot, or ends with a dot or a blank"),
        _ if is_reserved(name) => wrong("is one that Windows keeps for itself"),
        _ if name.eq_ignore_ascii_case(RECORD) || name.to_ascii_lowercase().ends_with(".part") => {
            wrong("is one that Hark gives to files of its own")
        }
        _ => Ok(()),
    }
}

/// `CON`, `nul.txt`, `com1.onnx.json`, …
fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    match stem.as_str() {
        "con" | "prn" | "aux" | "nul" => true,
        _ => stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt")).is_some_and(|number| {
            matches!(number, "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³")
        }),
    }
}

/// A path below a source.
fn check_path(path: &str) -> Result<(), String> {
    let wrong = |reason: &str| Err(format!("path {} {reason}", short(path)));
    match path {
        "" => wrong("is empty"),
        _ if path.len() > LONGEST_PATH => wrong("is too long"),
        _ if path.chars().any(char::is_control) => wrong("has a control character"),
        _ if path.contains('\\') => wrong("has a backslash"),
        _ if path.contains(':') => wrong("has a colon"),
        _ if path.split('/').any(|part| matches!(part, "" | "." | "..")) => wrong("is not a plain path below the source"),
        _ => Ok(()),
    }
}

fn check_source(source: &Source) -> Result<(), String> {
    match source {
        Source::Hub { repo, revision } => {
            let right = |part: &str| {
                !part.is_empty()
                    && !part.starts_with('.')
                    && part.len() <= LONGEST_NAME
                    && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
            };
            if !repo.split_once('/').is_some_and(|(owner, name)| right(owner) && right(name)) {
                return Err(format!("source hub: repo is {}, and not owner/name", short(repo)));
            }
            match revision {
                Some(revision) if !is_hex(revision, 40) => {
                    Err(format!("source hub: revision is {}, and not 40 digits of 0-9 and a-f", short(revision)))
                }
                _ => Ok(()),
            }
        }
        Source::Web { base } => check_address("source web: base", base),
        Source::Folder { path } => check_words("source folder: path", path, LONGEST_PATH),
        Source::Setup { package } => check_words("source setup: package", package, LONGEST_NAME),
    }
}

/// `https://` to a host, or `http://` to this machine.
fn check_address(field: &str, address: &str) -> Result<(), String> {
    let wrong = |reason: &str| Err(format!("{field} is {}, and {reason}", short(address)));
    let (loopback, rest) = match (address.strip_prefix("https://"), address.strip_prefix("http://")) {
        (Some(rest), _) => (false, rest),
        (_, Some(rest)) => (true, rest),
        _ => return wrong("only https:// is allowed"),
    };
    let host = rest.split('/').next().unwrap_or_default();
    // `http://127.0.0.1:8000` and `http://[::1]:8000`.
    let name = host.strip_prefix('[').and_then(|name| name.split_once(']')).map_or_else(
        || host.split(':').next().unwrap_or_default(),
        |(name, _)| name,
    );
    match address {
        _ if name.is_empty() => wrong("it has no host"),
        _ if loopback && !matches!(name, "127.0.0.1" | "::1" | "localhost") => {
            wrong("http:// without s is allowed for this machine only")
        }
        _ if address.len() > LONGEST_PATH => wrong("it is too long"),
        _ if !address.is_ascii() || address.bytes().any(|byte| byte <= b' ' || byte == 0x7f || b"\\\"<>?#@".contains(&byte)) => {
            wrong("it has a character that does not belong there")
        }
        _ if rest.split('/').skip(1).any(|part| matches!(part, "." | "..")) => wrong("it goes up a folder"),
        _ => Ok(()),
    }
}

/// A text for people, or a name: something that can be shown in one line.
fn check_words(field: &str, text: &str, most: usize) -> Result<(), String> {
    match text {
        _ if text.trim().is_empty() => Err(format!("{field} is empty")),
        _ if text.len() > most => Err(format!("{field} has {} bytes, and {most} are the most", text.len())),
        _ if text.chars().any(char::is_control) => Err(format!("{field} has a control character")),
        _ => Ok(()),
    }
}

fn at_most(what: &str, count: usize) -> Result<(), String> {
    if count > MOST_OF_ONE { Err(format!("it has {count} {what}, and {MOST_OF_ONE} are the most")) } else { Ok(()) }
}

/// In quotes, without control characters, and not longer than a line.
fn short(text: &str) -> String {
    let cut: String = text.chars().take(100).collect();
    if cut.len() < text.len() { format!("{cut:?}…") } else { format!("{cut:?}") }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
