//! `hark transcribe`: words of recordings, one after the other.

use super::args::Transcribe;
use super::engines;
use super::terminal::{Interrupt, Terminal};
use super::{Context, Exit};
use crate::audio::Pcm16k;
use crate::clock;
use crate::error::{Severity, Stage, StageError};
use crate::printable::one_line;
use crate::stt::{SttOptions, Transcriber, Transcript};
use crate::turn::{CancelToken, Outcome};
use serde_json::json;
use std::io;
use std::path::{Path, PathBuf};

/// Runs it.
pub fn run(context: &Context, args: &Transcribe, terminal: &mut Terminal) -> Exit {
    let interrupt = Interrupt::catch();
    context.notices.iter().for_each(|notice| terminal.error(notice));
    let mut ears = match engines::load_transcriber(&context.config, &interrupt.token) {
        Ok(ears) => ears,
        Err(_) if interrupt.token.is_cancelled() => return Exit::Interrupted,
        Err(problem) => {
            terminal.error(&problem);
            return Exit::Failed;
        }
    };
    ears.notices.iter().for_each(|notice| terminal.error(notice));
    let mut work = Work { engine: ears.engine.as_mut(), options: &ears.options, cancel: &interrupt.token, json: args.json, terminal };
    match work.files(&args.files, &engines::read_audio) {
        Ok(exit) => exit,
        Err(error) => {
            terminal.lost(&error);
            Exit::Failed
        }
    }
}

struct Work<'a> {
    engine: &'a mut dyn Transcriber,
    options: &'a SttOptions,
    cancel: &'a CancelToken,
    json: bool,
    terminal: &'a mut Terminal,
}

impl Work<'_> {
    /// Works on all files; one that fails does not keep the others from being heard.
    fn files(&mut self, files: &[PathBuf], read: &dyn Fn(&Path) -> Result<Pcm16k, StageError>) -> io::Result<Exit> {
        let mut exit = Exit::Good;
        for file in files {
            let start = clock::now();
            let result = match read(file) {
                Ok(_) if self.cancel.is_cancelled() => return Ok(Exit::Interrupted),
                Ok(pcm) => self.engine.transcribe(&pcm, self.options, self.cancel, &mut |_| {}).map_err(StageError::from),
                Err(problem) => Err(problem),
            };
            match result {
                Ok(Outcome::Cancelled) => return Ok(Exit::Interrupted),
                Ok(Outcome::Done(transcript)) => {
                    self.show(file, &transcript, clock::now().ms_since(start), files.len() > 1)?;
                    if transcript.text.trim().is_empty() {
                        exit = Exit::Failed;
                        let message = format!("Nothing was heard in {}.", file.display());
                        let hint = "Give a recording with speech in it.";
                        self.terminal.error(&StageError::new(Stage::Stt, Severity::Turn, message, hint));
                    }
                }
                Err(problem) => {
                    exit = Exit::Failed;
                    self.terminal.error(&problem);
                    if self.json {
                        let line = json!({"file": file.to_string_lossy(), "error": problem.message, "hint": problem.hint});
                        self.terminal.json(&line)?;
                    }
                }
            }
        }
        Ok(exit)
    }

    fn show(&mut self, file: &Path, transcript: &Transcript, ms: f64, several: bool) -> io::Result<()> {
        let text = transcript.text.trim();
        if self.json {
            let line = json!({
                "file": file.to_string_lossy(),
                "text": text,
                "language": transcript.language,
                "confidence": super::json::rounded(f64::from(transcript.confidence)),
                "ms": super::json::rounded(ms),
            });
            return self.terminal.json(&line);
        }
        match (text.is_empty(), several) {
            (true, _) => Ok(()),
            (false, true) => self.terminal.json(&format!("{}: {text}", one_line(&file.display()))),
            (false, false) => self.terminal.line(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stt::{EngineInfo, SpokenLanguage, TranscribeError};

    /// Hears the number of samples; 13 samples break it.
    struct Counter;

    impl Transcriber for Counter {
        fn transcribe(
            &mut self,
            pcm: &Pcm16k,
            _: &SttOptions,
            cancel: &CancelToken,
            _: &mut dyn FnMut(&str),
        ) -> Result<Outcome<Transcript>, TranscribeError> {
            match pcm.0.len() {
                _ if cancel.is_cancelled() => Ok(Outcome::Cancelled),
                13 => Err(TranscribeError::Engine("bad luck".into())),
                0 => Ok(Outcome::Done(Transcript::default())),
                n => Ok(Outcome::Done(Transcript { text: format!(" {n}").into(), language: "en".into(), confidence: 0.5 })),
            }
        }

        fn info(&self) -> EngineInfo {
            EngineInfo::default()
        }
    }

    fn read(file: &Path) -> Result<Pcm16k, StageError> {
        let missing = || StageError::new(Stage::Stt, Severity::Turn, "It is not there.", "Look again.");
        file.to_string_lossy().parse::<usize>().map(|n| Pcm16k(vec![0.0; n].into())).map_err(|_| missing())
    }

    fn run(files: &[&str], json: bool, cancel: &CancelToken) -> (Exit, String, String) {
        let mut terminal = Terminal::to_memory();
        let options = SttOptions {
            language: SpokenLanguage::Detect(vec![]),
            threads: 1,
            phrases: crate::stt::Phrases::Off,
            script: crate::stt::chinese::ChineseScript::default(),
        };
        let mut work = Work { engine: &mut Counter, options: &options, cancel, json, terminal: &mut terminal };
        let exit = work.files(&files.iter().map(PathBuf::from).collect::<Vec<_>>(), &read).unwrap();
        let (out, err) = terminal.memory();
        (exit, out, err)
    }

    #[test]
    fn one_file_gives_its_words_and_several_give_their_names_too() {
        let never = CancelToken::never();
        assert_eq!(run(&["7"], false, &never), (Exit::Good, "7\n".into(), String::new()));
        assert_eq!(run(&["7", "8"], false, &never).1, "7: 7\n8: 8\n");
    }

    #[test]
    fn json_has_one_object_a_file_in_the_promised_shape() {
        let (exit, out, _) = run(&["7"], true, &CancelToken::never());
        let line: serde_json::Value = serde_json::from_str(&out).unwrap();
        let keys: Vec<_> = line.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["file", "text", "language", "confidence", "ms"]);
        assert_eq!((line["text"].as_str(), line["confidence"].as_f64()), (Some("7"), Some(0.5)));
        assert!(line["ms"].as_f64().unwrap() >= 0.0);
        assert_eq!(exit, Exit::Good);
    }

    #[test]
    fn a_file_that_fails_is_said_and_the_others_are_heard() {
        let (exit, out, err) = run(&["missing", "13", "0", "9"], false, &CancelToken::never());
        assert_eq!((exit, out.as_str()), (Exit::Failed, "9: 9\n"));
        let lines: Vec<_> = err.lines().collect();
        assert_eq!(lines.len(), 3, "{err}");
        assert!(lines[0].contains("not there") && lines[1].contains("bad luck") && lines[2].contains("Nothing was heard in 0"), "{err}");
        let (_, out, _) = run(&["missing", "0"], true, &CancelToken::never());
        assert_eq!(out.lines().count(), 2, "each file has its object: {out}");
    }

    #[test]
    fn an_interrupt_ends_it() {
        let (token, mut clock) = CancelToken::with_clock();
        clock.advance_to(crate::turn::TurnId(1));
        assert_eq!(run(&["7"], false, &token).0, Exit::Interrupted);
    }
}
