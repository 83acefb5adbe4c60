//! The set for a computer: one model that hears, one that thinks, and a voice for each language.

use super::catalog::{Catalog, CatalogModel, ModelKind, plain_language};
use super::fit::{DESKTOP_BYTES, Fit, SPARE_DISK_BYTES, disk_need, fit, memory_need};
use super::machine::Machine;

/// Chooses. The models of the set fit together: in the memory that the desktop leaves (of the voices only the largest counts,
/// because one of them speaks at a time), and on the disk. What other programs hold at this moment does not count. A starter
/// model is chosen only where nothing else fits; a kind for which nothing fits is missing. Without a language: English.
///
/// Among the models that fit, one that knows all languages goes before one that does not, a quick one before a slow one, and
/// then the order of the catalog decides (among slow ones: the smallest).
#[must_use]
pub fn recommend<'c>(catalog: &'c Catalog, machine: &Machine, languages: &[String]) -> Vec<&'c CatalogModel> {
    let mut wanted: Vec<String> = Vec::new();
    for language in languages.iter().map(|tag| plain_language(tag)).filter(|language| !language.is_empty()) {
        if !wanted.contains(&language) {
            wanted.push(language);
        }
    }
    if wanted.is_empty() {
        wanted.push("en".to_owned());
    }
    let mut left = Left::of(machine);
    // The smaller ones first: the largest takes what is left, and not the other way round.
    let voices = voices(catalog, &wanted, &mut left);
    let ear = best(catalog, ModelKind::Stt, &wanted, &left);
    left.take(ear);
    let mind = best(catalog, ModelKind::Chat, &wanted, &left);
    ear.into_iter().chain(mind).chain(voices).collect()
}

/// What is left for the next model.
struct Left {
    machine: Machine,
}

impl Left {
    fn of(machine: &Machine) -> Left {
        Left { machine: machine.at_rest() }
    }

    fn take(&mut self, model: Option<&CatalogModel>) {
        let Some(model) = model else { return };
        self.take_memory(memory_need(model));
        self.take_disk(model);
    }

    fn take_memory(&mut self, bytes: u64) {
        // 0 means that the system does not say how much there is, and must not come out of a subtraction.
        if self.machine.memory_bytes > 0 {
            self.machine.memory_bytes = self.machine.memory_bytes.saturating_sub(bytes).max(1);
            self.machine.free_memory_bytes = self.machine.memory_bytes;
        }
    }

    fn take_disk(&mut self, model: &CatalogModel) {
        if !model.starter {
            self.machine.disk_free_bytes = self.machine.disk_free_bytes.map(|free| free.saturating_sub(disk_need(model)));
        }
    }
}

/// A voice for each language; one that speaks two of them is taken once.
fn voices<'c>(catalog: &'c Catalog, wanted: &[String], left: &mut Left) -> Vec<&'c CatalogModel> {
    let mut voices: Vec<&CatalogModel> = Vec::new();
    for language in wanted {
        if voices.iter().any(|voice| voice.speaks(language)) {
            continue;
        }
        let one = std::slice::from_ref(language);
        if let Some(voice) = best(catalog, ModelKind::Voice, one, left).filter(|voice| voice.speaks(language)) {
            left.take_disk(voice);
            voices.push(voice);
        }
    }
    left.take_memory(voices.iter().map(|voice| memory_need(voice)).max().unwrap_or(0));
    voices
}

/// The first of a kind by the order that [`recommend`] describes.
fn best<'c>(catalog: &'c Catalog, kind: ModelKind, wanted: &[String], left: &Left) -> Option<&'c CatalogModel> {
    let models = catalog.models.iter().enumerate().filter(|(_, model)| model.kind == kind);
    let fitting = models.filter_map(|(place, model)| {
        let found = fit(model, &left.machine);
        found.fits().then(|| {
            let missing = wanted.iter().filter(|language| !model.speaks(language)).count();
            let slow = found != Fit::Good;
            (model.starter, missing, slow, if slow { memory_need(model) } else { 0 }, place, model)
        })
    });
    fitting.min_by_key(|(starter, missing, slow, size, place, _)| (*starter, *missing, *slow, *size, *place)).map(|found| found.5)
}

/// Whether a set of models can be used together on a computer: what [`recommend`] promises.
#[must_use]
pub fn fit_together(models: &[&CatalogModel], machine: &Machine) -> bool {
    let of = |voices: bool| models.iter().filter(move |model| (model.kind == ModelKind::Voice) == voices).map(|model| memory_need(model));
    let memory = of(false).sum::<u64>().saturating_add(of(true).max().unwrap_or(0)).saturating_add(DESKTOP_BYTES);
    let fetched = models.iter().filter(|model| !model.starter).map(|model| disk_need(model)).sum::<u64>();
    let disk = fetched.saturating_add(if fetched > 0 { SPARE_DISK_BYTES } else { 0 });
    (machine.memory_bytes == 0 || memory <= machine.memory_bytes) && machine.disk_free_bytes.is_none_or(|free| disk <= free)
}

#[cfg(test)]
#[path = "recommend_tests.rs"]
mod tests;
