//! What may be written on the command line.

use crate::config::limits;
use crate::config::resolve::{Overrides, parse_voice};
use crate::config::{EngineSet, VoiceChoice};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Args, Command as ClapCommand, FromArgMatches, Parser, Subcommand};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

/// The version and, when it was built from a git checkout, its commit.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), env!("HARK_GIT"));

/// A voice assistant that never leaves this computer. Without a command it opens its window.
#[derive(Debug, Parser)]
#[command(name = "hark", version = VERSION, disable_help_subcommand = true, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// While the window is open, write what happens to stdout too, one JSON object a line.
    #[arg(long)]
    pub json: bool,
    /// Choices for every command.
    #[command(flatten)]
    pub options: Options,
}

const EXAMPLES: &str = "Examples:
  hark                                       open the window
  hark ask --text \"What is the moon?\"        type a question, hear and read the answer
  hark ask --wav question.wav --out a.wav    ask with a recording, write the answer's sound
  hark transcribe *.wav --json               words of recordings, one JSON object a line
  hark models pull --recommended             get the models that suit this computer
  hark models import /media/stick            the same from a folder, without network
  hark doctor                                what is there, what is missing, what to do
  hark bench --runs 3                        how long answers take on this computer";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ask one or more questions in one conversation.
    Ask(Ask),
    /// Speak a text.
    Say(Say),
    /// Turn recordings into text.
    Transcribe(Transcribe),
    /// List microphones and speakers.
    Devices(Listing),
    /// Check what is there and what is missing.
    Doctor(Listing),
    /// List, get, import, verify and remove models.
    Models(super::models::args::Models),
    /// Show and change settings.
    Settings(super::settings::Arguments),
    /// Measure how long answers take, and compare with other chains of the same engines.
    Bench(super::bench::Bench),
    /// The child that gets files from the network; the program starts it itself.
    #[command(hide = true)]
    FetchWorker,
    /// Load a model file in this process and say how that went; the program runs it before it loads the file itself.
    #[command(hide = true)]
    Probe(super::probe::Probe),
}

/// `hark ask`
#[derive(Debug, Args)]
#[command(override_usage = "hark ask <--wav IN.wav|--text \"…\">… [--fresh] [--out OUT.wav] [--json] [OPTIONS]")]
pub struct Ask {
    /// The questions, in the order given.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Write the sound of the answers into this WAV file, instead of playing it.
    #[arg(long, value_name = "OUT.wav")]
    pub out: Option<PathBuf>,
    /// Each question is a conversation of its own: no answer knows the questions before it.
    #[arg(long)]
    pub fresh: bool,
    /// One JSON object a line.
    #[arg(long)]
    pub json: bool,
}

/// `hark say`
#[derive(Debug, Args)]
#[command(override_usage = "hark say <\"TEXT\"|--phonemes \"IPA\"> [--out OUT.wav] [OPTIONS]")]
pub struct Say {
    /// The text.
    #[arg(required_unless_present = "phonemes", conflicts_with = "phonemes")]
    pub text: Vec<String>,
    /// IPA phonemes, spoken as they are, instead of a text.
    #[arg(long, value_name = "IPA")]
    pub phonemes: Option<String>,
    /// Write the sound into this WAV file (32-bit float), instead of playing it.
    #[arg(long, value_name = "OUT.wav")]
    pub out: Option<PathBuf>,
}

/// `hark transcribe`
#[derive(Debug, Args)]
pub struct Transcribe {
    /// WAV, FLAC, MP3 or OGG files of any rate and channel count.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// One JSON object a file: file, text, language, confidence, ms.
    #[arg(long)]
    pub json: bool,
}

/// `hark devices`, `hark doctor`
#[derive(Debug, Args)]
pub struct Listing {
    /// One JSON object a line.
    #[arg(long)]
    pub json: bool,
}

/// One question of `hark ask`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// An audio file.
    Audio(PathBuf),
    /// A typed text.
    Text(String),
}

/// `--wav` and `--text` in the order in which they were written. clap's derive keeps the order of each, not of both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs(pub Vec<Input>);

impl FromArgMatches for Inputs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let places = |name| matches.indices_of(name).into_iter().flatten();
        let files = matches.get_many::<PathBuf>("wav").into_iter().flatten().cloned().map(Input::Audio);
        let texts = matches.get_many::<String>("text").into_iter().flatten().cloned().map(Input::Text);
        let mut all: Vec<(usize, Input)> = places("wav").zip(files).chain(places("text").zip(texts)).collect();
        all.sort_by_key(|(place, _)| *place);
        Ok(Inputs(all.into_iter().map(|(_, input)| input).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Inputs {
    fn augment_args(command: ClapCommand) -> ClapCommand {
        let wav = Arg::new("wav").long("wav").value_name("IN.wav").action(ArgAction::Append).value_parser(clap::value_parser!(PathBuf));
        let text = Arg::new("text").long("text").value_name("TEXT").action(ArgAction::Append);
        command
            .arg(wav.help("A recorded question (WAV, FLAC, MP3, OGG); may be given several times").required_unless_present("text"))
            .arg(text.help("A typed question, or - for one from standard input; may be given several times, also between --wav"))
    }

    fn augment_args_for_update(command: ClapCommand) -> ClapCommand {
        Self::augment_args(command)
    }
}

/// Choices for every command, before or after its name.
#[derive(Clone, Debug, Default, Args)]
pub struct Options {
    /// A folder with models, before all others.
    #[arg(long, global = true, value_name = "DIR", help_heading = "Models")]
    pub models: Option<PathBuf>,
    /// The speech model (ggml whisper file).
    #[arg(long, global = true, value_name = "FILE", help_heading = "Models")]
    pub stt: Option<PathBuf>,
    /// The chat model (GGUF).
    #[arg(long, global = true, value_name = "FILE", help_heading = "Models")]
    pub chat: Option<PathBuf>,
    /// A voice file (.onnx), or espeak-ng's own voice as espeak:LANG.
    #[arg(long, global = true, value_name = "FILE|espeak:LANG", help_heading = "Models", value_parser = parse_voice)]
    pub voice: Option<VoiceChoice>,
    /// Real engines, or scripted ones for tests.
    #[arg(long, global = true, value_name = "real|fake", help_heading = "Models", value_parser = engine_set())]
    pub engines: Option<EngineSet>,
    /// Speed of the voice; 1 is its own, 2 twice as fast.
    #[arg(long, global = true, value_name = "X", help_heading = "Voice", value_parser = within(limits::SPEED))]
    pub speed: Option<f32>,
    /// Variation of the sound; 0 gives the same samples each time.
    #[arg(long, global = true, value_name = "X", help_heading = "Voice", value_parser = within(limits::NOISE))]
    pub noise: Option<f32>,
    /// Variation of the rhythm.
    #[arg(long, global = true, value_name = "X", help_heading = "Voice", value_parser = within(limits::NOISE))]
    pub noise_w: Option<f32>,
    /// Number of the speaker of a voice that has several.
    #[arg(long, global = true, value_name = "N", help_heading = "Voice")]
    pub speaker: Option<u32>,
    /// Loudness; 1 is as it comes, 0 is silent.
    #[arg(long, global = true, value_name = "X", help_heading = "Voice", value_parser = within(limits::VOLUME))]
    pub volume: Option<f32>,
    /// How freely the model chooses; 0 always takes the most likely token.
    #[arg(long, global = true, value_name = "X", help_heading = "Chat", value_parser = within(limits::TEMPERATURE))]
    pub temperature: Option<f32>,
    /// Keep the most likely tokens that together have this probability; 1 is off.
    #[arg(long, global = true, value_name = "X", help_heading = "Chat", value_parser = within(limits::PROBABILITY))]
    pub top_p: Option<f32>,
    /// Keep this many of the most likely tokens; 0 is off.
    #[arg(long, global = true, value_name = "N", help_heading = "Chat", value_parser = within(limits::TOP_K))]
    pub top_k: Option<i32>,
    /// Keep tokens with at least this share of the best one's probability; 0 is off.
    #[arg(long, global = true, value_name = "X", help_heading = "Chat", value_parser = within(limits::PROBABILITY))]
    pub min_p: Option<f32>,
    /// Make tokens that were just used less likely; 1 is off.
    #[arg(long, global = true, value_name = "X", help_heading = "Chat", value_parser = within(limits::REPEAT_PENALTY))]
    pub repeat_penalty: Option<f32>,
    /// The same seed and the same question give the same answer.
    #[arg(long, global = true, value_name = "N", help_heading = "Chat")]
    pub seed: Option<u32>,
    /// Longest answer, tokens.
    #[arg(long, global = true, value_name = "N", help_heading = "Chat", value_parser = within(limits::MAX_TOKENS))]
    pub max_tokens: Option<u32>,
    /// What the model is told about its task.
    #[arg(long, global = true, value_name = "TEXT", help_heading = "Chat")]
    pub system: Option<String>,
    /// Size of the model's memory of the conversation, tokens.
    #[arg(long, global = true, value_name = "N", help_heading = "Chat", value_parser = within(limits::CONTEXT))]
    pub context: Option<u32>,
    /// Threads of each engine.
    #[arg(long, global = true, value_name = "N", help_heading = "Engines", value_parser = within(limits::THREADS))]
    pub threads: Option<u32>,
    /// Languages that are spoken: en, or several as en,zh; auto for all.
    #[arg(long, global = true, value_name = "LANG", help_heading = "Engines", value_parser = languages)]
    pub language: Option<Languages>,
}

/// Codes of the languages that are spoken; none: all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Languages(pub Vec<String>);

impl Options {
    /// As the configuration takes them.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
        Overrides {
            models: self.models.clone(),
            stt: self.stt.clone(),
            chat: self.chat.clone(),
            voice: self.voice.clone(),
            engines: self.engines,
            speed: self.speed,
            noise: self.noise,
            noise_width: self.noise_w,
            speaker: self.speaker,
            volume: self.volume,
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: self.top_k,
            min_p: self.min_p,
            repeat_penalty: self.repeat_penalty,
            seed: self.seed,
            max_tokens: self.max_tokens,
            context: self.context,
            system: self.system.clone(),
            threads: self.threads,
            languages: self.language.clone().map(|languages| languages.0),
        }
    }
}

fn engine_set() -> impl TypedValueParser<Value = EngineSet> {
    PossibleValuesParser::new(["real", "fake"]).map(|name| if name == "fake" { EngineSet::Fake } else { EngineSet::Real })
}

/// A number in this range; anything else (also NaN) is refused with the range.
fn within<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    move |text| match text.parse::<T>() {
        Ok(value) if range.contains(&value) => Ok(value),
        _ => Err(format!("a number from {} to {} is needed", range.start(), range.end())),
    }
}

fn languages(text: &str) -> Result<Languages, String> {
    if text.trim() == "auto" {
        return Ok(Languages(Vec::new()));
    }
    text.split(',')
        .map(|part| limits::language_code(part).ok_or_else(|| format!("\"{part}\" is no language code such as en or zh")))
        .collect::<Result<Vec<_>, _>>()
        .map(Languages)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("hark").chain(line.iter().copied()))
    }

    #[test]
    fn the_definition_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn no_command_is_the_window() {
        let cli = parse(&["--engines", "fake", "--language", "en,zh-CN"]).unwrap();
        assert!(cli.command.is_none());
        let overrides = cli.options.overrides();
        assert_eq!(overrides.engines, Some(EngineSet::Fake));
        assert_eq!(overrides.languages, Some(vec!["en".into(), "zh".into()]));
        assert_eq!(parse(&["--language", "auto"]).unwrap().options.overrides().languages, Some(vec![]));
    }

    #[test]
    fn questions_stay_in_the_order_in_which_they_were_written() {
        let line = ["ask", "--wav", "1.wav", "--text", "two", "--json", "--wav", "3.wav", "--text", "four", "--out", "o.wav"];
        let Some(Command::Ask(ask)) = parse(&line).unwrap().command else { unreachable!("not ask") };
        let expected =
            vec![Input::Audio("1.wav".into()), Input::Text("two".into()), Input::Audio("3.wav".into()), Input::Text("four".into())];
        assert_eq!(ask.inputs.0, expected);
        assert_eq!((ask.out, ask.json), (Some("o.wav".into()), true));
        let Some(Command::Ask(ask)) = parse(&["ask", "--text", "only"]).unwrap().command else { unreachable!("not ask") };
        assert_eq!(ask.inputs.0, [Input::Text("only".into())]);
    }

    #[test]
    fn options_may_stand_before_and_after_the_command() {
        for line in [["--stt", "m.bin", "transcribe", "a.wav"], ["transcribe", "a.wav", "--stt", "m.bin"]] {
            let cli = parse(&line).unwrap();
            assert_eq!(cli.options.overrides().stt, Some("m.bin".into()), "{line:?}");
        }
    }

    #[test]
    fn every_option_reaches_the_overrides() {
        let line = "--models d --stt s --chat c --voice espeak:de --engines real --speed 2 --noise 0 --noise-w 0.5 --speaker 3 \
                    --volume 0.5 --temperature 0 --top-p 0.9 --top-k 5 --min-p 0.1 --repeat-penalty 1.2 --seed 4294967295 \
                    --max-tokens 9 --context 512 --system S --threads 2 --language zh";
        let overrides = parse(&line.split_whitespace().collect::<Vec<_>>()).unwrap().options.overrides();
        let debug = format!("{overrides:?}");
        assert!(!debug.contains("None"), "{debug}");
        assert_eq!(overrides.voice, Some(VoiceChoice::Espeak("de".into())));
        assert_eq!((overrides.noise_width, overrides.seed, overrides.context), (Some(0.5), Some(u32::MAX), Some(512)));
    }

    #[test]
    fn say_takes_a_text_or_phonemes() {
        let Some(Command::Say(say)) = parse(&["say", "good", "morning"]).unwrap().command else { unreachable!("not say") };
        assert_eq!(say.text, ["good", "morning"]);
        assert!(parse(&["say", "--phonemes", "hə"]).is_ok());
        assert!(parse(&["say"]).is_err());
        assert!(parse(&["say", "both", "--phonemes", "hə"]).is_err());
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_range() {
        for line in [
            &["ask"][..],
            &["transcribe"],
            &["dance"],
            &["--engines", "steam"],
            &["--speed", "9"],
            &["--temperature", "nan"],
            &["--context", "1"],
            &["--seed", "-1"],
            &["--language", "klingon"],
            &["--voice", "espeak:"],
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line:?}");
        }
        assert!(parse(&["--speed", "9"]).unwrap_err().to_string().contains("from 0.25 to 4"));
    }
}
