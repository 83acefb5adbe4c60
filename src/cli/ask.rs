//! `hark ask`: one conversation, a turn for each `--wav` and `--text`; or, with `--fresh`, a conversation for each.

use super::args::{Ask, Input};
use super::drive::{Drive, Patience, Question, Renderer};
use super::engines::{self, Sound};
use super::json::JsonLines;
use super::terminal::{Interrupt, Terminal};
use super::text::Readable;
use super::{Context, Exit};
use crate::error::{Severity, Stage, StageError};
use crate::event::EventSink;
use crate::turn::TurnId;
use crossbeam_channel::bounded;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// Events of one turn are far fewer; a core that is faster than the terminal waits.
const EVENTS: usize = 1024;
/// The window has a second to close; here an engine may be in the middle of a chunk.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// Far more than a chat model's memory holds; what is longer is no question but a mistake.
const LONGEST_TEXT: u64 = 16 << 20;

/// Runs it.
pub fn run(context: Context, args: &Ask, terminal: &mut Terminal) -> Exit {
    let interrupt = Interrupt::catch();
    // All files are read before a model is loaded: what is wrong with them is known at once.
    let mut questions = Vec::with_capacity(args.inputs.0.len());
    let mut problems = context.notices.clone();
    problems.extend(args.out.as_deref().and_then(no_folder_for));
    for input in &args.inputs.0 {
        match question(input, &mut std::io::stdin()) {
            Ok(question) => questions.push(question),
            Err(problem) => problems.push(problem),
        }
    }
    let mut json;
    let mut readable;
    let renderer: &mut dyn Renderer = if args.json {
        json = JsonLines::new(terminal);
        &mut json
    } else {
        readable = Readable::new(terminal);
        &mut readable
    };
    let shown = problems.iter().try_for_each(|problem| renderer.problem(TurnId::NONE, problem));
    let hopeless = problems.iter().any(|problem| problem.severity != Severity::Info);
    let result = match shown {
        Ok(()) if hopeless => return Exit::Failed,
        Ok(()) => talk(context, args, questions, &interrupt, renderer),
        Err(error) => Err(error),
    };
    result.unwrap_or_else(|error| {
        terminal.lost(&error);
        Exit::Failed
    })
}

fn talk(
    mut context: Context,
    args: &Ask,
    questions: Vec<Question>,
    interrupt: &Interrupt,
    renderer: &mut dyn Renderer,
) -> std::io::Result<Exit> {
    // Who wants a file with the answer's sound wants the sound, whatever the window is set to.
    context.config.mute &= args.out.is_none();
    let mut needed = vec![Stage::Llm];
    if !context.config.mute {
        needed.extend([Stage::Tts, Stage::Playback]);
    }
    if questions.iter().any(|question| matches!(question, Question::Audio(_))) {
        needed.push(Stage::Stt);
    }
    let sound = args.out.clone().map_or(Sound::Speaker, Sound::File);
    let (tx, events) = bounded(EVENTS);
    let core = match engines::start_core(context.config, &sound, EventSink::new(tx, || {})) {
        Ok(core) => core,
        Err(problem) => return renderer.problem(TurnId::NONE, &problem).map(|()| Exit::Failed),
    };
    let (core_of_turns, patience) = (core.as_ref(), Patience::default());
    let mut drive = Drive { core: core_of_turns, events: &events, interrupt: &interrupt.pressed, renderer, patience, fresh: args.fresh };
    let summary = drive.run(questions, &needed);
    // A core that waits for room for an event could not end.
    drop(events);
    if !core.stop(STOP_WITHIN) {
        tracing::warn!("some engines were still busy at the end");
    }
    summary.map(|summary| match summary {
        summary if summary.interrupted => Exit::Interrupted,
        summary if summary.is_good() => Exit::Good,
        _ => Exit::Failed,
    })
}

fn question(input: &Input, stdin: &mut dyn Read) -> Result<Question, StageError> {
    match input {
        Input::Audio(file) => engines::read_audio(file).map(Question::Audio),
        Input::Text(text) if text == "-" => piped(stdin).map(Question::Text),
        Input::Text(text) if text.trim().is_empty() => {
            Err(StageError::new(Stage::Llm, Severity::Turn, "The text of a question is empty.", "Write something after --text."))
        }
        Input::Text(text) => Ok(Question::Text(text.clone())),
    }
}

/// The question on standard input: a text that is longer than an argument may be (128 KiB on Linux).
fn piped(stdin: &mut dyn Read) -> Result<String, StageError> {
    let refused = |message: String, hint: &str| StageError::new(Stage::Llm, Severity::Turn, message, hint);
    let mut bytes = Vec::new();
    stdin.take(LONGEST_TEXT + 1).read_to_end(&mut bytes).map_err(|error| {
        refused(format!("Standard input cannot be read: {}.", crate::error::reason(&error)), "Give the question after --text instead of -.")
    })?;
    if bytes.len() as u64 > LONGEST_TEXT {
        return Err(refused(format!("The text on standard input is longer than {} MiB.", LONGEST_TEXT >> 20), "Send a shorter text."));
    }
    let text =
        String::from_utf8(bytes).map_err(|_| refused("The text on standard input is not UTF-8.".into(), "Save it as UTF-8 text."))?;
    match text.trim() {
        "" => Err(refused("The text on standard input is empty.".into(), "Send a question to it, for example with echo.")),
        text => Ok(text.to_owned()),
    }
}

/// A sentence when `OUT.wav` is to be written where no folder is.
pub(super) fn no_folder_for(out: &Path) -> Option<StageError> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty())?;
    let message = format!("The sound cannot be written to {}: there is no such folder.", out.display());
    (!folder.is_dir()).then(|| StageError::new(Stage::Playback, Severity::Turn, message, "Make the folder or give another place."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_question_is_refused_and_a_text_is_taken_as_it_is() {
        let typed = |text: &str| question(&Input::Text(text.into()), &mut std::io::empty());
        assert!(typed(" \n").is_err());
        assert_eq!(typed("<|im_end|> 🙂"), Ok(Question::Text("<|im_end|> 🙂".into())));
    }

    #[test]
    fn a_dash_reads_the_question_from_standard_input() {
        let piped = |bytes: &[u8]| question(&Input::Text("-".into()), &mut &bytes[..]);
        assert_eq!(piped("Who are you?\n".as_bytes()), Ok(Question::Text("Who are you?".into())));
        let long = vec![b'a'; LONGEST_TEXT as usize + 1];
        for (bytes, word) in [(&b" \n"[..], "empty"), (b"\xff\xfe", "UTF-8"), (&long, "16 MiB")] {
            assert!(piped(bytes).unwrap_err().message.contains(word), "{word}");
        }
    }

    #[test]
    fn a_place_without_a_folder_is_said_before_a_model_is_loaded() {
        assert_eq!(no_folder_for(Path::new("out.wav")), None);
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(no_folder_for(&dir.path().join("out.wav")), None);
        assert!(no_folder_for(&dir.path().join("no/out.wav")).is_some());
    }
}
