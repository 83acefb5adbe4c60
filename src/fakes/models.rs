//! A fake of everything behind the model page: a catalog of made-up sizes, downloads that tick like real ones.

use crate::error::{Severity, Stage, StageError};
use crate::models::catalog::{Evidence, ModelKind};
use crate::models::listing::{Computer, Fit, Here, Home, Listing, Offer};
use crate::models::manager::{Desk, ModelServices, Progress, Question, Taken, Work};
use crate::turn::Outcome;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Models that exist only in memory. Importing a path whose name contains `broken` fails.
#[derive(Debug)]
pub struct FakeModels {
    /// What is installed and offered; recommended sets are made from it.
    listing: Mutex<Listing>,
    /// A download takes so many steps, each so long.
    pub step: Duration,
}

/// Steps of a download.
const STEPS: u64 = 200;

impl Default for FakeModels {
    fn default() -> Self {
        FakeModels { listing: Mutex::new(sample()), step: Duration::from_millis(60) }
    }
}

impl FakeModels {
    /// A fake with this listing and downloads that take no time.
    #[must_use]
    pub fn with(listing: Listing) -> Self {
        FakeModels { listing: Mutex::new(listing), step: Duration::ZERO }
    }

    fn listing(&self) -> MutexGuard<'_, Listing> {
        self.listing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn problem(message: &str, hint: &str) -> StageError {
    StageError::new(Stage::Desktop, Severity::Turn, message, hint)
}

fn gone() -> StageError {
    problem("This model is not in the list any more.", "Look again.")
}

impl ModelServices for FakeModels {
    fn list(&self, _: &[String]) -> Listing {
        self.listing().clone()
    }

    fn pull(&self, id: &str, desk: &Desk) -> Result<Outcome<()>, StageError> {
        let offer = self.listing().offer(id).cloned().ok_or_else(gone)?;
        if !offer.can_be_fetched {
            return Err(problem("No source of this model answered.", "Look at the network and try again, or import it from a stick."));
        }
        let total = offer.bytes.unwrap_or(1 << 28);
        let begun = offer.unfinished_bytes.unwrap_or(0);
        let mut progress = Progress { file: "model.bin".to_owned(), total: offer.bytes, work: Work::Starting, ..Progress::default() };
        desk.progress(progress.clone());
        for step in 1..=STEPS {
            if desk.stopped() {
                return Ok(Outcome::Cancelled);
            }
            std::thread::sleep(self.step);
            progress.done = begun + (total - begun.min(total)) / STEPS * step;
            progress.per_second = 12.4e6;
            progress.seconds_left = offer.bytes.map(|_| (total - progress.done.min(total)) as f64 / 12.4e6);
            progress.work = Work::Fetching;
            desk.progress(progress.clone());
        }
        desk.progress(Progress { done: total, work: Work::Checking, ..progress });
        if offer.evidence != Evidence::Seen {
            let sha256 = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef".to_owned();
            let question = Question { file: "model.bin".to_owned(), bytes: total, sha256, evidence: offer.evidence, ..Question::default() };
            if !desk.ask(question) {
                return Ok(Outcome::Cancelled);
            }
        }
        let mut listing = self.listing();
        if let Some(offer) = listing.offers.iter_mut().find(|offer| offer.id == id) {
            (offer.installed, offer.unfinished_bytes) = (true, None);
        }
        listing.installed.push(Here { id: id.to_owned(), ..here(&offer) });
        Ok(Outcome::Done(()))
    }

    fn import(&self, from: &Path, desk: &Desk) -> Result<Outcome<Taken>, StageError> {
        desk.progress(Progress { work: Work::Copying, ..Progress::default() });
        let name = from.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        if name.contains("broken") || name.is_empty() {
            return Err(problem("There is no model in this file.", "Choose a GGUF, ggml or voice file, a folder of them, or a pack."));
        }
        self.listing().installed.push(Here { id: name.clone(), name: name.clone(), file: from.to_owned(), ..here(&offer(ROWS[0])) });
        Ok(Outcome::Done(Taken { names: vec![name], kinds: vec![ModelKind::Stt], notes: Vec::new() }))
    }

    fn remove(&self, id: &str) -> Result<(), StageError> {
        let mut listing = self.listing();
        listing.installed.retain(|here| here.id != id);
        if let Some(offer) = listing.offers.iter_mut().find(|offer| offer.id == id) {
            (offer.installed, offer.unfinished_bytes) = (false, None);
        }
        Ok(())
    }

    fn verify(&self, id: &str, desk: &Desk) -> Result<Outcome<bool>, StageError> {
        desk.progress(Progress { work: Work::Checking, ..Progress::default() });
        let known = self.listing().installed.iter().any(|here| here.id == id);
        if known { Ok(Outcome::Done(true)) } else { Err(gone()) }
    }
}

type Row = (&'static str, &'static str, ModelKind, &'static str, u64, u64, Evidence);

/// Id, name, kind, languages, MB on the disk, MB of memory, evidence. The sizes are rounded; they promise nothing.
const ROWS: [Row; 9] = [
    ("whisper-base-q5_1", "Whisper base", ModelKind::Stt, "*", 60, 180, Evidence::Seen),
    ("whisper-small-q5_1", "Whisper small", ModelKind::Stt, "*", 190, 480, Evidence::Reported),
    ("whisper-large-v3-turbo-q5_0", "Whisper large v3 turbo", ModelKind::Stt, "*", 574, 1200, Evidence::Reported),
    ("qwen2.5-0.5b-instruct-q4", "Qwen2.5 0.5B", ModelKind::Chat, "en zh", 398, 620, Evidence::Seen),
    ("qwen2.5-1.5b-instruct-q4", "Qwen2.5 1.5B", ModelKind::Chat, "en zh", 1117, 1500, Evidence::Reported),
    ("qwen3-8b-q4", "Qwen3 8B", ModelKind::Chat, "en zh", 5030, 6800, Evidence::Unknown),
    ("en_us-lessac-medium", "Lessac", ModelKind::Voice, "en", 63, 150, Evidence::Seen),
    ("zh_cn-huayan-medium", "Huayan", ModelKind::Voice, "zh", 63, 150, Evidence::Seen),
    ("silero-vad", "Silero", ModelKind::Vad, "*", 1, 10, Evidence::Seen),
];

fn offer((id, name, kind, languages, mb, memory_mb, evidence): Row) -> Offer {
    let fit = match memory_mb {
        6800.. => Fit::TooBig { needs_bytes: 6_800_000_000, there_bytes: 4_100_000_000 },
        1200.. => Fit::Slow,
        _ => Fit::Good,
    };
    Offer {
        id: id.to_owned(),
        name: name.to_owned(),
        kind,
        languages: languages.split(' ').map(str::to_owned).collect(),
        licence: "Apache-2.0".to_owned(),
        bytes: Some(mb * 1_000_000),
        memory_bytes: memory_mb * 1_000_000,
        fit,
        evidence,
        installed: false,
        unfinished_bytes: (id == "qwen2.5-1.5b-instruct-q4").then_some(402_000_000),
        can_be_fetched: true,
    }
}

fn here(offer: &Offer) -> Here {
    Here {
        id: offer.id.clone(),
        name: offer.name.clone(),
        kind: offer.kind,
        file: PathBuf::from(&offer.id),
        bytes: offer.bytes.unwrap_or(0),
        languages: offer.languages.clone(),
        licence: offer.licence.clone(),
        starter: false,
        home: Home::Library,
        removable: true,
        terms: None,
    }
}

/// A small catalog, with starter models installed.
#[must_use]
pub fn sample() -> Listing {
    let starter = |id: &str, name: &str, kind, mb: u64| Here {
        id: id.to_owned(),
        name: name.to_owned(),
        kind,
        file: PathBuf::from(id),
        bytes: mb * 1_000_000,
        languages: vec!["en".to_owned()],
        licence: "MIT OR Apache-2.0".to_owned(),
        starter: true,
        home: Home::Program,
        removable: false,
        terms: None,
    };
    Listing {
        installed: vec![
            starter("starter-en", "Starter (English)", ModelKind::Stt, 20),
            starter("smollm2-135m-instruct", "SmolLM2 135M", ModelKind::Chat, 105),
        ],
        offers: ROWS.into_iter().map(offer).collect(),
        recommended: ["whisper-base-q5_1", "qwen2.5-0.5b-instruct-q4", "en_us-lessac-medium"].map(str::to_owned).to_vec(),
        computer: Computer { memory_bytes: 4_100_000_000, free_memory_bytes: 2_600_000_000 },
    }
}
