//! What may be written behind `hark models`.

use crate::models::ctranslate2::Weights;
use clap::{Args, Subcommand};
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  hark models list                                 what is installed, what can be had, what fits this computer
  hark models pull --recommended --language en,zh  get what suits this computer and these languages
  hark models import /media/stick                  everything usable in a folder; no network is needed
  hark models pack whisper-base --out m.harkpack   one file for another machine
  hark ask --chat \"$(hark models path NAME)\" …     use one of them once";

fn weights(name: &str) -> Result<Weights, String> {
    let known = Weights::ALL.map(Weights::name).join(", ");
    Weights::ALL.into_iter().find(|weights| weights.name() == name).ok_or_else(|| format!("it is one of {known}"))
}

/// `hark models`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Models {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// One JSON object a line.
    #[arg(long, global = true)]
    pub json: bool,
    /// A catalog of models instead of the program's own (TOML).
    #[arg(long, global = true, value_name = "FILE", help_heading = "Models")]
    pub catalog: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What is installed and what can be had.
    List,
    /// Everything that is known of one model.
    Info {
        /// Its name.
        #[arg(value_name = "NAME")]
        id: String,
    },
    /// Get models over the network.
    Pull(Pull),
    /// Take over models from this computer or a stick: files, folders, packs.
    Import {
        /// Files, folders, packs; also folders of faster-whisper (CTranslate2), which are converted.
        #[arg(required = true, value_name = "PATH")]
        from: Vec<PathBuf>,
        /// How the weights of a converted model are kept: f16 is exact, q8_0 has half its size, q5_1 a third.
        #[arg(long = "as", value_name = "TYPE", value_parser = weights, default_value = Weights::USUAL.name())]
        weights: Weights,
    },
    /// Write models into one file, for import on another machine.
    Pack {
        /// Their names.
        #[arg(required = true, value_name = "NAME")]
        ids: Vec<String>,
        /// The file.
        #[arg(long, value_name = "FILE.harkpack")]
        out: PathBuf,
    },
    /// Read the files of models again and compare them with what they should be.
    Verify {
        /// Their names; none: all that can be removed or were installed by this program.
        #[arg(value_name = "NAME")]
        ids: Vec<String>,
    },
    /// Remove models from the models folder.
    Remove {
        /// Their names.
        #[arg(required = true, value_name = "NAME")]
        ids: Vec<String>,
    },
    /// Use a model from now on: writes it into the settings.
    Use {
        /// Its name.
        #[arg(value_name = "NAME")]
        id: String,
    },
    /// Print the models folder, or the file of a model.
    Path {
        /// Its name.
        #[arg(value_name = "NAME")]
        id: Option<String>,
    },
}

/// `hark models pull`
#[derive(Debug, Args)]
pub struct Pull {
    /// Names of models of the catalog.
    #[arg(value_name = "NAME", required_unless_present = "recommended")]
    pub ids: Vec<String>,
    /// What suits this computer and the languages of --language.
    #[arg(long)]
    pub recommended: bool,
    /// Address that is asked instead of the Hugging Face hub.
    #[arg(long, value_name = "URL")]
    pub mirror: Option<String>,
    /// A line that is silent for so many seconds is left, and the next try begins.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub stall: Option<u64>,
    /// Keep files whose hash is not known, or is not the published one, without asking.
    #[arg(long)]
    pub yes: bool,
}
