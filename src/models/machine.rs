//! What this computer is, as far as models are concerned.

use super::fetch::free_bytes;
use crate::llm::measured;
use crate::platform::cpu;
use std::path::Path;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// A computer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machine {
    /// Memory, bytes.
    pub memory_bytes: u64,
    /// Memory that programs can have now without making others wait, bytes.
    pub free_memory_bytes: u64,
    /// Processor cores that this process may use, at least 1.
    pub cores: u32,
    /// The instructions that the engines use here (`AVX2`).
    pub isa: String,
    /// Room on the disk of the model store, bytes; `None`: the system does not say.
    pub disk_free_bytes: Option<u64>,
    /// Tokens per second of a chat model with 1,000 million parameters in about 4 bits, where it was measured here.
    pub speed: Option<f64>,
}

impl Machine {
    /// Looks. `store` is the folder for models; it need not exist yet.
    #[must_use]
    pub fn of_this_computer(store: &Path) -> Machine {
        let kinds = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
        let system = System::new_with_specifics(kinds);
        let (memory, free) = system.map_or((0, 0), |system| (system.total_memory(), system.available_memory()));
        Machine {
            memory_bytes: memory,
            free_memory_bytes: free,
            cores: std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(1)),
            isa: cpu::isa().used.to_owned(),
            disk_free_bytes: free_bytes(store),
            speed: None,
        }
    }

    /// The same computer with what was measured on it before, if anything was (`cache`: the folder that remembers it).
    #[must_use]
    pub fn with_measured_speed(self, cache: Option<&Path>) -> Machine {
        Machine { speed: cache.and_then(measured::speed).or(self.speed), ..self }
    }

    /// The same computer with nothing else running: for what is decided for longer than this moment.
    #[must_use]
    pub fn at_rest(&self) -> Machine {
        Machine { free_memory_bytes: self.memory_bytes, ..self.clone() }
    }

    /// How much work this computer does in a second, in cores of a usual laptop. Where it was measured, that counts: a
    /// measured core count includes the memory's speed, the cooling and the battery.
    #[must_use]
    pub fn power(&self) -> f64 {
        match self.speed {
            Some(speed) if speed.is_finite() && speed > 0.0 => speed / TOKENS_OF_A_CORE,
            _ => f64::from(self.cores),
        }
    }
}

/// Tokens per second that one core of a usual laptop (AVX2, two channels of DDR4) makes with the model of
/// [`Machine::speed`], as long as there are no more than eight.
const TOKENS_OF_A_CORE: f64 = 5.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_computer_has_memory_cores_and_room_for_models() {
        let folder = tempfile::tempdir().unwrap();
        let machine = Machine::of_this_computer(&folder.path().join("not").join("there").join("yet"));
        println!("{machine:?}");
        assert!(machine.memory_bytes > 256 << 20, "{machine:?}");
        assert!((1..=machine.memory_bytes).contains(&machine.free_memory_bytes), "{machine:?}");
        assert!(machine.cores >= 1 && !machine.isa.is_empty(), "{machine:?}");
        assert!(machine.disk_free_bytes.is_none_or(|bytes| bytes > 0), "the build itself needs room: {machine:?}");
    }

    #[test]
    fn a_measured_speed_counts_more_than_the_number_of_cores() {
        let power = |cores, speed| Machine { cores, speed, ..Machine::default() }.power();
        assert!((power(4, None) - 4.0).abs() < 1e-9);
        assert!((power(4, Some(40.0)) - 8.0).abs() < 1e-9, "a quick computer");
        assert!((power(16, Some(5.0)) - 1.0).abs() < 1e-9, "one that is held back");
        for odd in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
            assert!((power(4, Some(odd)) - 4.0).abs() < 1e-9, "{odd}");
        }
    }
}
