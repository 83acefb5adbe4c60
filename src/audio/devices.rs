//! Which microphones and speakers there are, how one is found by name, and what cpal's errors mean for people.

use crate::audio::AudioError;
use crate::audio::aside::within;
use cpal::ErrorKind;
use cpal::traits::{DeviceTrait, HostTrait};
use std::time::Duration;

/// Listing opens no device; a sound server that hangs must not hang the list.
const LIST_DEADLINE: Duration = Duration::from_secs(4);

/// Which way the sound goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Microphones.
    Input,
    /// Speakers.
    Output,
}

impl Direction {
    /// `microphone` or `speaker`.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Direction::Input => "microphone",
            Direction::Output => "speaker",
        }
    }
}

/// A device that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DeviceInfo {
    /// Its name: what the settings hold, and what the hosts' `open` takes.
    pub name: String,
    /// The one that is used when none is chosen.
    pub default: bool,
}

/// All devices of one direction, the default first. An empty list: the machine has none.
///
/// # Errors
/// When there is no sound system, or it does not answer within 4 s.
pub fn list(direction: Direction) -> Result<Vec<DeviceInfo>, AudioError> {
    let look = move || candidates(direction).map(|all| all.into_iter().map(|c| c.info).collect());
    within(LIST_DEADLINE, "hark-devices", look).unwrap_or_else(|| Err(no_answer(direction)))
}

/// The sound system hangs.
pub(crate) fn no_answer(direction: Direction) -> AudioError {
    AudioError::Device { kind: direction.kind(), reason: "the sound system does not answer".to_owned() }
}

struct Candidate {
    info: DeviceInfo,
    id: String,
    device: cpal::Device,
}

/// The first sound system that is there. `cpal::default_host` would panic where ALSA has no configuration.
fn host(kind: &'static str) -> Result<cpal::Host, AudioError> {
    quiet_alsa();
    cpal::available_hosts().into_iter().find_map(|id| cpal::host_from_id(id).ok()).ok_or(AudioError::NoDevice(kind))
}

/// alsa-lib writes to the standard error stream of whoever links it, several lines for each device that is not there.
/// This thread's lines go to a buffer instead. A new one each time: it would grow with every retry.
fn quiet_alsa() {
    #[cfg(target_os = "linux")]
    if let Err(error) = alsa::Output::local_error_handler() {
        tracing::debug!(%error, "alsa-lib keeps writing its messages");
    }
}

/// ALSA lists each card a dozen times, once for every plug-in. These stand for something that a person can mean: the
/// sound servers, and each card with all conversions.
fn worth_showing(alsa_id: &str) -> bool {
    matches!(alsa_id, "default" | "pulse" | "pipewire" | "jack") || alsa_id.starts_with("sysdefault:")
}

fn candidates(direction: Direction) -> Result<Vec<Candidate>, AudioError> {
    let host = host(direction.kind())?;
    let default = default_device(&host, direction);
    let default_id = default.as_ref().and_then(|d| d.id().ok());
    let devices: Vec<cpal::Device> = match direction {
        Direction::Input => host.input_devices().map(Iterator::collect),
        Direction::Output => host.output_devices().map(Iterator::collect),
    }
    .map_err(|e| map_error(direction, None, &e))?;
    let mut all: Vec<Candidate> = Vec::new();
    for device in devices {
        let Ok(id) = device.id() else { continue };
        if is_alsa(&id) && !worth_showing(id.id()) {
            continue;
        }
        let plain = device.description().map_or_else(|_| id.id().to_owned(), |d| d.name().to_owned());
        let taken = all.iter().any(|c| c.info.name == plain);
        let name = if taken { format!("{plain} ({})", id.id()) } else { plain };
        all.push(Candidate { info: DeviceInfo { name, default: Some(&id) == default_id.as_ref() }, id: id.id().to_owned(), device });
    }
    all.sort_by_key(|c| !c.info.default);
    Ok(all)
}

fn is_alsa(id: &cpal::DeviceId) -> bool {
    cfg!(target_os = "linux") && format!("{:?}", id.host()) == "Alsa"
}

fn default_device(host: &cpal::Host, direction: Direction) -> Option<cpal::Device> {
    match direction {
        Direction::Input => host.default_input_device(),
        Direction::Output => host.default_output_device(),
    }
}

/// The device of this name (as listed, or as the sound system itself calls it), or the default one; with its name.
pub(crate) fn find(direction: Direction, wanted: Option<&str>) -> Result<(cpal::Device, String), AudioError> {
    let kind = direction.kind();
    let Some(wanted) = wanted else {
        let device = default_device(&host(kind)?, direction).ok_or(AudioError::NoDevice(kind))?;
        let name = device.description().map_or_else(|_| "default".to_owned(), |d| d.name().to_owned());
        return Ok((device, name));
    };
    let gone = || AudioError::DeviceUnavailable { kind, name: wanted.to_owned() };
    let found = candidates(direction)?.into_iter().find(|c| c.info.name == wanted || c.id == wanted).ok_or_else(gone)?;
    Ok((found.device, found.info.name))
}

/// cpal's error about the device `name` (`None`: the default one), by kind and never by text.
pub(crate) fn map_error(direction: Direction, name: Option<&str>, error: &cpal::Error) -> AudioError {
    let kind = direction.kind();
    let failed = |reason: &str| AudioError::Device { kind, reason: reason.trim_end_matches('.').to_owned() };
    match (error.kind(), name) {
        (ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable, Some(name)) => {
            AudioError::DeviceUnavailable { kind, name: name.to_owned() }
        }
        (ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable, None) => AudioError::NoDevice(kind),
        (ErrorKind::PermissionDenied, _) => AudioError::PermissionDenied(kind),
        (ErrorKind::DeviceBusy, _) => failed("another program is using it"),
        (ErrorKind::UnsupportedConfig | ErrorKind::UnsupportedOperation | ErrorKind::InvalidInput, _) => {
            failed("it has no sample format that can be used")
        }
        (ErrorKind::ResourceExhausted, _) => failed("the system has no threads or memory left for it"),
        _ => failed(&error.to_string()),
    }
}

/// What a running stream's error means: `None` for those after which it goes on.
pub(crate) fn fault(error: ErrorKind) -> Option<crate::audio::host::Fault> {
    use crate::audio::host::Fault;
    match error {
        ErrorKind::Xrun | ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied => None,
        ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable => Some(Fault::Gone),
        ErrorKind::PermissionDenied => Some(Fault::Denied),
        _ => Some(Fault::Broken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listing_answers_in_time_and_names_are_unique() {
        for direction in [Direction::Input, Direction::Output] {
            let started = std::time::Instant::now();
            // A machine without any sound system may say so; it must not hang or panic.
            let names: Vec<String> = list(direction).unwrap_or_default().into_iter().map(|d| d.name).collect();
            assert!(started.elapsed() < LIST_DEADLINE + Duration::from_secs(1));
            let mut unique = names.clone();
            unique.sort();
            unique.dedup();
            assert_eq!(unique.len(), names.len(), "{names:?}");
        }
    }

    #[test]
    fn a_device_that_is_not_there_is_named_in_the_error() {
        let error = find(Direction::Input, Some("Flux capacitor")).err().unwrap().to_string();
        assert!(error.contains("Flux capacitor") || error.contains("No microphone"), "{error}");
    }

    #[test]
    fn errors_are_told_apart_by_kind() {
        let say = |kind, name| map_error(Direction::Input, name, &cpal::Error::from(kind)).to_string();
        assert_eq!(say(ErrorKind::DeviceNotAvailable, None), "No microphone was found.");
        assert_eq!(say(ErrorKind::DeviceNotAvailable, Some("USB")), "The microphone \"USB\" is not available.");
        assert_eq!(say(ErrorKind::DeviceBusy, None), "The microphone failed: another program is using it.");
        assert!(say(ErrorKind::PermissionDenied, None).contains("does not allow"));
        assert_eq!(fault(ErrorKind::Xrun), None);
        assert!(fault(ErrorKind::BackendError).is_some());
    }
}
