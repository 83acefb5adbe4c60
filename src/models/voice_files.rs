//! Which files make a voice: found out from what lies beside an ONNX file, or in a folder.

use super::voice_toml::{NAME, VoiceToml};
use std::path::{Path, PathBuf};

/// So many files of a folder are looked at.
const MOST_FILES: usize = 2_000;

/// How a voice is made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoiceForm {
    /// `hark-voice.toml` names an acoustic model and a vocoder.
    TwoFiles,
    /// `VOICE.onnx.json`.
    Piper,
    /// `tokens.txt` and `lexicon.txt`.
    Lexicon,
    /// `tokens.txt`.
    Letters,
}

/// The files of a voice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoiceFiles {
    /// How it is made up.
    pub form: VoiceForm,
    /// The ONNX file, of two the acoustic model: what stands for the voice in lists and settings.
    pub onnx: PathBuf,
    /// What describes it.
    pub config: PathBuf,
    /// The vocoder, when it is a file of its own.
    pub vocoder: Option<PathBuf>,
}

impl VoiceFiles {
    /// The voice that an ONNX file stands for; `None` when it stands for none: it is a vocoder, or nothing describes it.
    #[must_use]
    pub fn of_file(onnx: &Path) -> Option<Self> {
        let description = onnx.with_file_name(NAME);
        let described = description.is_file().then(|| VoiceToml::read(&description));
        if let Some(Ok(toml)) = &described {
            let is = |name: &str| onnx.file_name().is_some_and(|own| own == name);
            if is(&toml.vocoder) {
                return None;
            }
            if is(&toml.acoustic) {
                let vocoder = Some(onnx.with_file_name(&toml.vocoder));
                return Some(VoiceFiles { form: VoiceForm::TwoFiles, onnx: onnx.to_owned(), config: description, vocoder });
            }
        }
        let config = |form, config: PathBuf| config.is_file().then_some((form, config));
        // Beside a broken description a table of symbols may be that voice's.
        let may_be_table = !matches!(described, Some(Err(_)));
        let beside = |name| onnx.with_file_name(name);
        // With a lexicon the symbols are its sounds; the table of symbols is the config either way.
        let form = if beside("lexicon.txt").is_file() { VoiceForm::Lexicon } else { VoiceForm::Letters };
        let (form, config) = config(VoiceForm::Piper, onnx.with_added_extension("json"))
            .or_else(|| config(form, beside("tokens.txt")).filter(|_| may_be_table))?;
        Some(VoiceFiles { form, onnx: onnx.to_owned(), config, vocoder: None })
    }

    /// The voice of a path that somebody chose: an ONNX file (also the vocoder of a voice), or a folder.
    ///
    /// # Errors
    /// Why there is none, as a part of a sentence.
    pub fn of(path: &Path) -> Result<Self, String> {
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
        let description = folder.join(NAME);
        if description.is_file() {
            let toml = match VoiceToml::read(&description) {
                Ok(toml) => toml,
                // Another voice of this folder is described by a file of its own.
                Err(why) if path.is_dir() => return Err(why),
                Err(why) => return Self::of_file(path).ok_or(why),
            };
            let own = path.file_name();
            if path.is_dir() || own.is_some_and(|own| own == toml.acoustic.as_str() || own == toml.vocoder.as_str()) {
                let vocoder = Some(folder.join(&toml.vocoder));
                return Ok(VoiceFiles { form: VoiceForm::TwoFiles, onnx: folder.join(&toml.acoustic), config: description, vocoder });
            }
        }
        let lacks_tokens = folder.join("lexicon.txt").is_file() && !folder.join("tokens.txt").is_file();
        let lacks = |other: String| if lacks_tokens { "its tokens.txt is missing".to_owned() } else { other };
        if !path.is_dir() {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            return Self::of_file(path).ok_or_else(|| lacks(format!("its config {name:.80}.json is missing")));
        }
        let mut found: Vec<Self> = std::fs::read_dir(path)
            .map_err(|error| format!("the folder cannot be read ({error})"))?
            .take(MOST_FILES)
            .flatten()
            .map(|entry| entry.path())
            .filter(|file| file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx")) && file.is_file())
            .filter_map(|file| Self::of_file(&file))
            .collect();
        // Eight-bit copies of a voice are slower here and sound worse.
        let is_small = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().contains("int8"));
        found.sort_by_key(|files| (is_small(&files.onnx), files.onnx.clone()));
        let nothing = || lacks("the folder has no .onnx file with a config, a tokens.txt or a hark-voice.toml".to_owned());
        found.into_iter().next().ok_or_else(nothing)
    }

    /// Size of all ONNX files, bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        size(&self.onnx) + self.vocoder.as_deref().map_or(0, size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str =
        "format = 1\nacoustic = \"a.onnx\"\nvocoder = \"v.onnx\"\ntokens = \"tokens.txt\"\nsample_rate = 22050\nhop = 256\nbands = 80\n";

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn form(folder: &tempfile::TempDir, name: &str) -> Option<VoiceForm> {
        VoiceFiles::of_file(&folder.path().join(name)).map(|files| files.form)
    }

    #[test]
    fn what_lies_beside_the_file_says_what_it_is() {
        let dir = folder(&[("p.onnx", ""), ("p.onnx.json", ""), ("q.onnx", "")]);
        assert_eq!((form(&dir, "p.onnx"), form(&dir, "q.onnx")), (Some(VoiceForm::Piper), None));
        assert_eq!(form(&folder(&[("m.onnx", ""), ("tokens.txt", "")]), "m.onnx"), Some(VoiceForm::Letters));
        let dir = folder(&[("m.onnx", ""), ("tokens.txt", ""), ("lexicon.txt", ""), ("m.int8.onnx", "")]);
        assert_eq!(form(&dir, "m.onnx"), Some(VoiceForm::Lexicon));
        assert_eq!(VoiceFiles::of(dir.path()).unwrap().onnx, dir.path().join("m.onnx"), "not the eight-bit one");
    }

    #[test]
    fn two_files_are_one_voice_by_whichever_path_it_is_chosen() {
        let dir = folder(&[("a.onnx", "12"), ("v.onnx", "345"), ("tokens.txt", ""), (NAME, TWO)]);
        assert_eq!((form(&dir, "a.onnx"), form(&dir, "v.onnx")), (Some(VoiceForm::TwoFiles), None));
        for path in [dir.path().to_owned(), dir.path().join("a.onnx"), dir.path().join("v.onnx")] {
            let files = VoiceFiles::of(&path).unwrap();
            assert_eq!((files.form, files.onnx.clone(), files.bytes()), (VoiceForm::TwoFiles, dir.path().join("a.onnx"), 5));
        }
    }

    #[test]
    fn a_broken_description_does_not_cost_the_other_voices_of_its_folder() {
        let dir = folder(&[("p.onnx", ""), ("p.onnx.json", ""), ("a.onnx", ""), (NAME, "format = 7")]);
        assert_eq!(VoiceFiles::of(&dir.path().join("p.onnx")).map(|files| files.form), Ok(VoiceForm::Piper));
        assert!(VoiceFiles::of(&dir.path().join("a.onnx")).unwrap_err().contains(NAME));
    }

    #[test]
    fn a_path_that_is_no_voice_has_a_reason() {
        let dir = folder(&[("x.onnx", ""), ("notes.md", "")]);
        assert!(VoiceFiles::of(dir.path()).unwrap_err().contains("no .onnx"));
        assert!(VoiceFiles::of(&dir.path().join("x.onnx")).unwrap_err().contains("x.onnx.json is missing"));
        let dir = folder(&[("x.onnx", ""), ("lexicon.txt", "")]);
        assert!(VoiceFiles::of(&dir.path().join("x.onnx")).unwrap_err().contains("tokens.txt is missing"));
        assert!(VoiceFiles::of(dir.path()).unwrap_err().contains("tokens.txt is missing"));
        let dir = folder(&[("a.onnx", ""), ("v.onnx", ""), ("tokens.txt", ""), (NAME, "format = 7")]);
        assert_eq!((form(&dir, "a.onnx"), form(&dir, "v.onnx")), (None, None));
        assert!(VoiceFiles::of(dir.path()).unwrap_err().contains(NAME));
    }
}
