//! The one owner of libespeak-ng: process-global, not thread-safe, so everything goes through one lock.
//!
//! All `unsafe` calls of the library are here. It runs in synchronous mode: nothing of it outlives a call, and its
//! callback runs on the thread that called. The library is GPL-3.

use super::SynthesisError;
use espeakng_sys as sys;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::{CStr, CString, c_char, c_int, c_short, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Length of the pieces that the library hands over, ms. It makes speech a hundred times faster than it sounds, so long
/// pieces cost no time; 60 ms, its default, would be 17 messages a second of speech.
const PIECE_MILLIS: c_int = 200;
/// Files without which the library cannot work.
const DATA_FILES: [&str; 4] = ["phontab", "phonindex", "phondata", "intonations"];
/// The library keeps its data path in 160 bytes.
const MAX_DATA_PATH: usize = 140;
/// Words are held in 160 bytes inside the library; longer ones ended in overflows (CVE-2023-49991 to 49993).
const MAX_WORD: usize = 40;

static LIBRARY: Mutex<Option<Library>> = Mutex::new(None);
/// The library's main languages, known since it was loaded: whoever only lists them does not wait while it speaks.
static LANGUAGES: OnceLock<Vec<String>> = OnceLock::new();

/// A voice of the library's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voice {
    /// The main language (`en-us`).
    pub language: String,
    /// Every language it speaks, the main one first.
    pub languages: Vec<String>,
    /// Its file in the data folder (`gmw/en-US`), which the library loads it by.
    file: String,
}

/// One clause as the library takes it off the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawClause {
    /// IPA, with language switches in parentheses; may be empty.
    pub ipa: String,
    /// Where the library's pointer stands after it, bytes: one character into the next clause, when there is one.
    pub end: usize,
    /// Whether the text goes on.
    pub more: bool,
}

/// The loaded library.
#[derive(Debug)]
pub struct Library {
    rate: u32,
    voices: Vec<Voice>,
    current: Option<String>,
}

/// The library under its lock.
#[derive(Debug)]
pub struct Guard(MutexGuard<'static, Option<Library>>);

/// Waits for the library; the first call loads its data.
///
/// # Errors
/// [`SynthesisError::RuntimeMissing`] when its data is missing or does not fit.
pub fn lock() -> Result<Guard, SynthesisError> {
    // A panic of another user leaves nothing half-done in here: the library itself knows no unwinding.
    let mut library = LIBRARY.lock().unwrap_or_else(PoisonError::into_inner);
    if library.is_none() {
        let loaded = Library::load()?;
        let mut names: Vec<String> = loaded.voices.iter().map(|voice| voice.language.clone()).collect();
        names.dedup();
        // Nobody was before: the library is loaded once.
        let _ = LANGUAGES.set(names);
        *library = Some(loaded);
    }
    Ok(Guard(library))
}

/// The languages of the voices, sorted. Only the first call may wait, while the library's data is being loaded.
///
/// # Errors
/// Like [`lock`].
pub fn languages() -> Result<Vec<String>, SynthesisError> {
    if LANGUAGES.get().is_none() {
        lock()?;
    }
    Ok(LANGUAGES.get().cloned().unwrap_or_default())
}

impl Guard {
    fn library(&mut self) -> Result<&mut Library, SynthesisError> {
        self.0.as_mut().ok_or_else(|| SynthesisError::RuntimeMissing("espeak-ng".to_owned()))
    }

    /// Samples per second of what [`Guard::speak`] gives.
    ///
    /// # Errors
    /// Never in practice.
    pub fn rate(&mut self) -> Result<u32, SynthesisError> {
        Ok(self.library()?.rate)
    }

    /// Uses the voice of a language from now on. The name is looked up in the library's own list, as a name that is
    /// handed to it becomes a part of a file path.
    ///
    /// # Errors
    /// [`SynthesisError::Unsupported`] for a language that it does not speak, with names that are close.
    pub fn set_language(&mut self, language: &str) -> Result<(), SynthesisError> {
        let library = self.library()?;
        let wanted = language.trim().to_ascii_lowercase().replace('_', "-");
        let spoken = |voice: &&Voice| voice.languages.contains(&wanted) || voice.file.to_ascii_lowercase() == wanted;
        let main = library.voices.iter().find(|voice| voice.language == wanted);
        let Some(voice) = main.or_else(|| library.voices.iter().find(spoken)) else {
            return Err(SynthesisError::Unsupported(format!("espeak-ng does not speak \"{language:.40}\"{}", library.close_to(&wanted))));
        };
        if library.current.as_ref() == Some(&voice.file) {
            return Ok(());
        }
        let file = c_string(&voice.file);
        // SAFETY: the library is loaded and locked; the name is null-terminated and outlives the call.
        #[allow(unsafe_code)]
        let status = unsafe { sys::espeak_ng_SetVoiceByName(file.as_ptr()) };
        if status != sys::espeak_ng_STATUS_ENS_OK {
            library.current = None;
            return Err(SynthesisError::Engine(format!("espeak-ng cannot load its voice for \"{language:.40}\" (code {status:#x})")));
        }
        library.current = Some(voice.file.clone());
        Ok(())
    }

    /// Splits a text into clauses of phonemes, by the voice in use. The text goes through `clean` first, and positions
    /// are those of the cleaned text, which is returned, too.
    pub fn phonemes(&mut self, text: &str) -> (String, Vec<RawClause>) {
        let text = clean(text);
        let buffer = c_string(&text);
        let base = buffer.as_ptr();
        let mut at: *const c_void = base.cast();
        let mut clauses = Vec::new();
        // Each call takes at least one character; the bound only guards against a library that does not.
        for _ in 0..text.len() + 16 {
            // SAFETY: the library is loaded and locked; `at` points into `buffer`, which is null-terminated and lives on.
            // The result is null or points to a null-terminated text in the library that is valid until its next call.
            #[allow(unsafe_code)]
            let ipa = unsafe {
                let ipa = sys::espeak_TextToPhonemes(&raw mut at, sys::espeakCHARS_UTF8 as c_int, sys::espeakPHONEMES_IPA as c_int);
                text_of(ipa)
            };
            let end = (at as usize).checked_sub(base as usize).filter(|end| *end <= text.len());
            let more = !at.is_null() && end.is_some();
            clauses.push(RawClause { ipa, end: end.unwrap_or(text.len()), more });
            if !more {
                break;
            }
        }
        (text, clauses)
    }

    /// Speaks plain text (no SSML, no `[[phonemes]]`) at `words_per_minute` (80 to 450). `on_audio` returns false to stop.
    /// Returns whether the text was spoken to its end.
    ///
    /// # Errors
    /// [`SynthesisError::Engine`] when the library refuses.
    pub fn speak(&mut self, text: &str, words_per_minute: u32, on_audio: &mut dyn FnMut(&[i16]) -> bool) -> Result<bool, SynthesisError> {
        let text = c_string(&clean(text));
        let mut listener = Listener { on_audio, stopped: false };
        let rate = c_int::try_from(words_per_minute.clamp(sys::espeakRATE_MINIMUM, sys::espeakRATE_MAXIMUM)).unwrap_or(175);
        LISTENER.set((&raw mut listener).cast());
        // SAFETY: the library is loaded and locked; the text is null-terminated, its size includes the null, and it outlives
        // the call. In synchronous mode the callback runs during this call only, on this thread, so that the pointer in
        // LISTENER is valid whenever it is read; it is reset right after.
        #[allow(unsafe_code)]
        let status = unsafe {
            sys::espeak_ng_SetParameter(sys::espeak_PARAMETER_espeakRATE, rate, 0);
            sys::espeak_ng_Synthesize(
                text.as_ptr().cast(),
                text.as_bytes_with_nul().len(),
                0,
                sys::espeak_POSITION_TYPE_POS_CHARACTER,
                0,
                sys::espeakCHARS_UTF8,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            )
        };
        LISTENER.set(std::ptr::null_mut());
        if listener.stopped {
            // The library keeps a character that it read ahead; it would begin the next text.
            self.phonemes("");
            return Ok(false);
        }
        match status {
            sys::espeak_ng_STATUS_ENS_OK => Ok(true),
            status => Err(SynthesisError::Engine(format!("espeak-ng reports code {status:#x}"))),
        }
    }
}

impl Library {
    fn load() -> Result<Self, SynthesisError> {
        let missing = |what: &str| SynthesisError::RuntimeMissing(format!("espeak-ng's data ({what})"));
        let folder = data_folder().ok_or_else(|| missing("the folder espeak-ng-data with phontab and phondata"))?;
        let path = CString::new(folder.to_string_lossy().as_bytes()).map_err(|_| missing("its path has a zero byte"))?;
        // SAFETY: called under the lock of LIBRARY, before any other function of the library. The path is null-terminated and
        // is copied. The calls with `ng` report a status, where espeak_Initialize would end the process.
        // The error context may be null; the callback is a function that lives as long as the program.
        #[allow(unsafe_code)]
        let (status, rate) = unsafe {
            sys::espeak_ng_InitializePath(path.as_ptr());
            let mut status = sys::espeak_ng_Initialize(std::ptr::null_mut());
            if status == sys::espeak_ng_STATUS_ENS_OK {
                let mode = sys::espeak_ng_OUTPUT_MODE_ENOUTPUT_MODE_SYNCHRONOUS;
                status = sys::espeak_ng_InitializeOutput(mode, PIECE_MILLIS, std::ptr::null());
            }
            sys::espeak_SetSynthCallback(Some(on_samples));
            (status, sys::espeak_ng_GetSampleRate())
        };
        let rate = u32::try_from(rate).unwrap_or(0);
        if status != sys::espeak_ng_STATUS_ENS_OK || !(8_000..=48_000).contains(&rate) {
            return Err(missing(&format!("{} does not fit the library, code {status:#x}", folder.display())));
        }
        Ok(Library { rate, voices: list_voices(), current: None })
    }

    /// `; it does speak en-gb, en-us` for names that share the first letters.
    fn close_to(&self, wanted: &str) -> String {
        let head: String = wanted.chars().take(2).collect();
        let names: BTreeSet<&str> =
            self.voices.iter().map(|voice| voice.language.as_str()).filter(|name| name.starts_with(&head)).collect();
        match names.is_empty() || head.is_empty() {
            true => String::new(),
            false => format!("; it does speak {}", names.into_iter().take(8).collect::<Vec<_>>().join(", ")),
        }
    }
}

/// The library's voices: one for each file, without those that need MBROLA.
fn list_voices() -> Vec<Voice> {
    let mut voices = Vec::new();
    // SAFETY: called under the lock after initialisation. The result is an array that ends with null; its entries and their
    // texts are owned by the library and are only read before its next call. `languages` is a list of (priority byte,
    // null-terminated name), ended by a zero priority.
    #[allow(unsafe_code)]
    unsafe {
        let mut entry = sys::espeak_ListVoices(std::ptr::null_mut());
        while !entry.is_null() && !(*entry).is_null() && voices.len() < 10_000 {
            let voice = &**entry;
            let file = text_of(voice.identifier);
            let mut languages = Vec::new();
            let mut at = voice.languages;
            while !at.is_null() && *at != 0 && languages.len() < 32 {
                let name = CStr::from_ptr(at.add(1));
                languages.push(name.to_string_lossy().to_ascii_lowercase());
                at = at.add(1 + name.to_bytes().len() + 1);
            }
            if let (Some(language), false) = (languages.first().cloned(), file.is_empty() || file.starts_with("mb/")) {
                voices.push(Voice { language, languages, file });
            }
            entry = entry.add(1);
        }
    }
    voices.sort_by(|a, b| a.language.cmp(&b.language));
    voices
}

/// The folder with the library's data: `ESPEAK_DATA_PATH`, beside the program, the system's places.
fn data_folder() -> Option<PathBuf> {
    let mut places: Vec<PathBuf> = std::env::var_os("ESPEAK_DATA_PATH").map(PathBuf::from).into_iter().collect();
    places.extend(std::env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_path_buf)));
    for place in [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib",
        "/usr/lib64",
        "/usr/share",
        "/usr/local/share",
        "/opt/homebrew/share",
    ] {
        places.push(PathBuf::from(place));
    }
    let usable = |folder: &PathBuf| {
        folder.as_os_str().len() <= MAX_DATA_PATH && DATA_FILES.iter().all(|file| folder.join(file).metadata().is_ok_and(|m| m.len() > 0))
    };
    places.into_iter().flat_map(|place| [place.join("espeak-ng-data"), place]).find(usable)
}

/// Text as the library may see it: no zero bytes, no control characters (0x01 begins a command inside of the text), no
/// characters that it uses for its own purposes (private use, U+0530, U+0557), no words of more than [`MAX_WORD`] characters.
fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = 0;
    for c in text.chars() {
        let c = match c {
            '\n' => '\n',
            '\u{530}' | '\u{557}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'.. => ' ',
            c if c.is_control() => ' ',
            c => c,
        };
        // East Asian characters are words of their own to the library.
        word = if c.is_whitespace() || ('\u{2e80}'..='\u{9fff}').contains(&c) { 0 } else { word + 1 };
        if word > MAX_WORD {
            out.push(' ');
            word = 1;
        }
        out.push(c);
    }
    out
}

/// A null-terminated copy; `text` has no zero bytes after [`clean`], and is cut there otherwise.
fn c_string(text: &str) -> CString {
    let bytes = text.as_bytes();
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    CString::new(bytes.get(..end).unwrap_or_default()).unwrap_or_default()
}

/// A copy of a text of the library.
///
/// # Safety
/// `text` is null or points to a null-terminated string.
#[allow(unsafe_code)]
unsafe fn text_of(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: by the contract of this function.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// Who gets the samples of the running [`Guard::speak`].
struct Listener<'a> {
    on_audio: &'a mut dyn FnMut(&[i16]) -> bool,
    stopped: bool,
}

thread_local! {
    static LISTENER: Cell<*mut c_void> = const { Cell::new(std::ptr::null_mut()) };
}

/// The library's callback: 0 goes on, 1 stops.
#[allow(unsafe_code)]
unsafe extern "C" fn on_samples(samples: *mut c_short, count: c_int, _events: *mut sys::espeak_EVENT) -> c_int {
    let listener = LISTENER.get().cast::<Listener<'static>>();
    let count = usize::try_from(count).unwrap_or(0);
    if listener.is_null() || samples.is_null() || count == 0 {
        return 0;
    }
    // SAFETY: the pointer is set by `speak` on this thread to a value that lives until the call that runs us returns, and
    // nobody else uses it meanwhile. The library says that `samples` holds `count` values.
    let (listener, samples) = unsafe { (&mut *listener, std::slice::from_raw_parts(samples, count)) };
    // A panic must not cross C: it stops the clause.
    let go_on = !listener.stopped && catch_unwind(AssertUnwindSafe(|| (listener.on_audio)(samples))).unwrap_or(false);
    listener.stopped |= !go_on;
    c_int::from(!go_on)
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn cleaning_takes_commands_and_endless_words_out() {
        assert_eq!(clean("a\u{1}50S\0b\u{e001}c\nd"), "a 50S b c\nd");
        assert_eq!(clean(&"x".repeat(100)).split(' ').map(str::len).collect::<Vec<_>>(), [40, 40, 20]);
        assert_eq!(clean(&"好".repeat(100)).chars().count(), 100);
    }

    #[test]
    fn unknown_languages_get_names_that_are_close_and_paths_are_no_languages() {
        let mut espeak = lock().unwrap();
        let text = espeak.set_language("en-xx").unwrap_err().to_string();
        assert!(text.contains("en-us") && text.contains("en-xx"), "{text}");
        for name in ["../../../etc/passwd", "", "klingonese", "en-us+f3", "en\0"] {
            assert!(matches!(espeak.set_language(name), Err(SynthesisError::Unsupported(_))), "{name:?}");
        }
        for name in ["en-us", "EN_us", "gmw/en-US", "cmn", "zh", "de"] {
            espeak.set_language(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn a_stopped_text_leaves_nothing_in_the_next_one() {
        let mut espeak = lock().unwrap();
        espeak.set_language("en-us").unwrap();
        let (_, before) = espeak.phonemes("Hello there.");
        for text in ["One, two, three, four.", "First sentence. Second sentence. Third.", "a"] {
            assert!(!espeak.speak(text, 175, &mut |_| false).unwrap(), "stopped");
            assert_eq!(espeak.phonemes("Hello there.").1, before);
        }
        assert_eq!(before.len(), 1);
    }
}
