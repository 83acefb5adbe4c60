//! Does a model fit a computer: said before a byte of it is fetched.

use super::catalog::{CatalogModel, SpeedClass};
use super::machine::Machine;

/// How a model fits a computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It works well here.
    Good,
    /// It works, and one waits for it.
    Slow,
    /// It fits, and other programs hold too much of the memory at this moment.
    Tight {
        /// Memory that is free now, bytes.
        free_bytes: u64,
    },
    /// This computer has too little memory for it.
    TooBig {
        /// Memory that the model and the rest of the desktop take, bytes.
        needs_bytes: u64,
        /// Memory that there is, bytes.
        there_bytes: u64,
    },
    /// The disk of the store has no room for it.
    NoRoom {
        /// Room that its files take, and what must stay free, bytes.
        needs_bytes: u64,
        /// Room that there is, bytes.
        free_bytes: u64,
    },
}

impl Fit {
    /// Whether the model can be used here at all, today or later.
    #[must_use]
    pub fn fits(self) -> bool {
        matches!(self, Fit::Good | Fit::Slow | Fit::Tight { .. })
    }
}

/// Memory that the desktop, the browser and Hark's window keep, bytes.
pub const DESKTOP_BYTES: u64 = 2_000_000_000;
/// Room that stays free on the disk, bytes: a full disk breaks other programs.
pub const SPARE_DISK_BYTES: u64 = 500_000_000;

/// Looks whether a model fits. What is said is the worst of what is true: no room, too big, tight, slow. What the system does
/// not tell (memory of 0 bytes, a disk without a size) is taken as enough, and so is a size that the catalog does not know.
#[must_use]
pub fn fit(model: &CatalogModel, machine: &Machine) -> Fit {
    if let (Some(free_bytes), false) = (machine.disk_free_bytes, model.starter) {
        let needs_bytes = disk_need(model).saturating_add(SPARE_DISK_BYTES);
        if needs_bytes > free_bytes {
            return Fit::NoRoom { needs_bytes, free_bytes };
        }
    }
    let need = memory_need(model);
    let needs_bytes = need.saturating_add(DESKTOP_BYTES);
    if machine.memory_bytes > 0 && needs_bytes > machine.memory_bytes {
        return Fit::TooBig { needs_bytes, there_bytes: machine.memory_bytes };
    }
    if machine.memory_bytes > 0 && need > machine.free_memory_bytes {
        return Fit::Tight { free_bytes: machine.free_memory_bytes };
    }
    if machine.power() < power_need(model.speed) { Fit::Slow } else { Fit::Good }
}

/// Memory that a model takes while it works, bytes.
#[must_use]
pub fn memory_need(model: &CatalogModel) -> u64 {
    model.memory_mb.saturating_mul(1_000_000)
}

/// Room that its files take as far as their sizes are known, bytes.
#[must_use]
pub fn disk_need(model: &CatalogModel) -> u64 {
    model.files.iter().fold(0, |sum: u64, file| sum.saturating_add(file.bytes.unwrap_or(0)))
}

/// The work that a class asks for, in cores of a usual laptop (see [`Machine::power`]). A model of the slow class is good only
/// where a measurement says so or where there are very many cores: past eight, the memory is what it waits for.
fn power_need(class: SpeedClass) -> f64 {
    match class {
        SpeedClass::Fast => 2.0,
        SpeedClass::Medium => 4.0,
        SpeedClass::Slow => 16.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::catalog::Catalog;

    const GB: u64 = 1_000_000_000;

    fn model(memory_mb: u64, bytes: Option<u64>, speed: &str) -> CatalogModel {
        let bytes = bytes.map_or_else(String::new, |bytes| format!("bytes = {bytes}\nevidence = \"reported\""));
        let text = format!(
            "format = 1\n[[model]]\nid = \"m\"\nname = \"M\"\nkind = \"stt\"\nlanguages = [\"*\"]\nlicence = \"MIT\"\n\
             memory_mb = {memory_mb}\nspeed = \"{speed}\"\n[[model.file]]\nname = \"m.bin\"\n{bytes}\n\
             [[model.source]]\n[model.source.hub]\nrepo = \"a/b\"\n"
        );
        Catalog::parse(&text).unwrap().models.remove(0)
    }

    fn machine(memory: u64, free: u64, cores: u32, disk: u64) -> Machine {
        Machine { memory_bytes: memory, free_memory_bytes: free, cores, disk_free_bytes: Some(disk), ..Machine::default() }
    }

    #[test]
    fn the_desktop_keeps_two_gigabytes() {
        let model = model(3000, Some(2 * GB), "medium");
        assert_eq!(fit(&model, &machine(5 * GB, 5 * GB, 4, 100 * GB)), Fit::Good);
        assert_eq!(
            fit(&model, &machine(5 * GB - 1, 5 * GB, 4, 100 * GB)),
            Fit::TooBig { needs_bytes: 5 * GB, there_bytes: 5 * GB - 1 }
        );
    }

    #[test]
    fn a_browser_that_holds_the_memory_makes_it_tight_and_nothing_worse() {
        let model = model(3000, Some(2 * GB), "medium");
        let busy = machine(8 * GB, 2 * GB, 4, 100 * GB);
        assert_eq!(fit(&model, &busy), Fit::Tight { free_bytes: 2 * GB });
        assert_eq!(fit(&model, &busy.at_rest()), Fit::Good);
        assert!(fit(&model, &busy).fits());
    }

    #[test]
    fn a_disk_without_room_is_said_before_anything_else() {
        let model = model(3000, Some(2 * GB), "medium");
        let full = machine(GB, GB, 1, 2 * GB);
        assert_eq!(fit(&model, &full), Fit::NoRoom { needs_bytes: 2 * GB + SPARE_DISK_BYTES, free_bytes: 2 * GB });
        assert!(!fit(&model, &full).fits());
    }

    #[test]
    fn a_class_asks_for_cores_or_for_a_measured_speed() {
        for (class, cores, speed, expected) in [
            ("fast", 1, None, Fit::Slow),
            ("fast", 2, None, Fit::Good),
            ("medium", 2, None, Fit::Slow),
            ("medium", 4, None, Fit::Good),
            ("medium", 2, Some(25.0), Fit::Good),
            ("medium", 8, Some(6.0), Fit::Slow),
            ("slow", 8, None, Fit::Slow),
            ("slow", 8, Some(90.0), Fit::Good),
        ] {
            let machine = Machine { speed, ..machine(64 * GB, 64 * GB, cores, 100 * GB) };
            assert_eq!(fit(&model(1000, Some(GB), class), &machine), expected, "{class}, {cores} cores, {speed:?}");
        }
    }

    #[test]
    fn what_is_not_known_does_not_stand_in_the_way() {
        let unknown = model(500, None, "fast");
        assert_eq!(fit(&unknown, &machine(8 * GB, 8 * GB, 2, GB)), Fit::Good);
        let silent = Machine { cores: 2, ..Machine::default() };
        assert_eq!(fit(&unknown, &silent), Fit::Good, "a system that tells neither memory nor disk");
    }
}
