//! A room with a microphone and a speaker that exist only in memory and keep real time: what is said in it comes in as a
//! sound card would give it, silence before and after, and what sounds is stamped.

use super::lock;
use crate::audio::host::{InputFactory, InputHealth, InputHost, InputStream, OutputFactory, OutputHost, OutputStream, Span, TurnPlayer};
use crate::audio::outputs::{ClockPlayer, Pace};
use crate::audio::{AudioError, Clip, STT_RATE};
use crate::clock;
use crate::turn::Moment;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A sound card gives a block of samples about so often.
const TICK: Duration = Duration::from_millis(5);
/// While the moment of the first sample is looked for.
const FINE_TICK: Duration = Duration::from_millis(1);

/// Steers the room. Clones steer the same one.
#[derive(Clone, Debug, Default)]
pub struct Room(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    to_say: Mutex<VecDeque<f32>>,
    /// A read of the ring is to be stamped.
    watch: AtomicBool,
    first_read: Mutex<Option<Moment>>,
    sounds: Mutex<Sounds>,
    /// Pace of the speaker: a speaker's, or at once.
    at_once: AtomicBool,
}

/// What the speaker did since the last [`Room::forget_sounds`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sounds {
    /// A first sample sounded.
    pub started: Option<Moment>,
    /// A player that had begun to sound was let go: silence.
    pub silent: Option<Moment>,
}

impl Room {
    /// A quiet room. `pace`: whether answers take their time or are over as soon as they are there.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        let room = Room::default();
        room.set_pace(pace);
        room
    }

    /// From the next turn on.
    pub fn set_pace(&self, pace: Pace) {
        self.0.at_once.store(pace == Pace::Instant, Ordering::Relaxed);
    }

    /// Someone speaks: these samples (16 kHz) come next, in real time.
    pub fn say(&self, samples: &[f32]) {
        lock(&self.0.to_say).extend(samples);
    }

    /// The last sample was handed to the program.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        lock(&self.0.to_say).is_empty()
    }

    /// Nobody speaks any more.
    pub fn hush(&self) {
        lock(&self.0.to_say).clear();
    }

    /// Looks for the next read of the microphone's ring.
    pub fn watch_reads(&self) {
        *lock(&self.0.first_read) = None;
        self.0.watch.store(true, Ordering::Relaxed);
    }

    /// The first read since [`Self::watch_reads`].
    #[must_use]
    pub fn first_read(&self) -> Option<Moment> {
        *lock(&self.0.first_read)
    }

    /// What sounded is forgotten.
    pub fn forget_sounds(&self) {
        *lock(&self.0.sounds) = Sounds::default();
    }

    /// What sounded.
    #[must_use]
    pub fn sounds(&self) -> Sounds {
        *lock(&self.0.sounds)
    }

    /// Its microphone.
    #[must_use]
    pub fn microphone(&self) -> InputFactory {
        let room = self.clone();
        Arc::new(move || Box::new(Ears(room.clone())) as Box<dyn InputHost>)
    }

    /// Its speaker.
    #[must_use]
    pub fn speaker(&self) -> OutputFactory {
        let room = self.clone();
        Arc::new(move || Box::new(Mouth(room.clone())) as Box<dyn OutputHost>)
    }
}

struct Ears(Room);

impl InputHost for Ears {
    fn open(&mut self, _device: Option<&str>) -> Result<InputStream, AudioError> {
        let (ring, samples) = rtrb::RingBuffer::new(2 * STT_RATE as usize);
        let health = Arc::new(InputHealth::default());
        let stop = Arc::new(AtomicBool::new(false));
        let (room, thread_health, thread_stop) = (self.0.clone(), Arc::clone(&health), Arc::clone(&stop));
        let thread = std::thread::Builder::new()
            .name("hark-room".to_owned())
            .spawn(move || room.feed(ring, &thread_health, &thread_stop))
            .map_err(|error| AudioError::Device { kind: "microphone", reason: error.to_string() })?;
        let guard = Box::new(Guard { stop, thread: Some(thread) });
        Ok(InputStream { rate: STT_RATE, name: "room".to_owned(), engine: "none", samples, health, guard })
    }
}

impl Room {
    /// What a driver's thread does.
    fn feed(&self, mut ring: rtrb::Producer<f32>, health: &InputHealth, stop: &AtomicBool) {
        let begun = clock::now();
        let (mut given, mut free) = (0u64, ring.slots());
        while !stop.load(Ordering::Relaxed) {
            let now = clock::now();
            let watching = self.0.watch.load(Ordering::Relaxed);
            if watching && ring.slots() > free {
                *lock(&self.0.first_read) = Some(now);
                self.0.watch.store(false, Ordering::Relaxed);
            }
            let due = (now.since(begun).as_secs_f64() * f64::from(STT_RATE)) as u64;
            let count = usize::try_from(due.saturating_sub(given)).unwrap_or(0);
            given = due;
            let block: Vec<f32> = {
                let mut to_say = lock(&self.0.to_say);
                (0..count).map(|_| to_say.pop_front().unwrap_or(0.0)).collect()
            };
            health.add_dropped(ring.push_partial_slice(&block).1.len() as u64);
            free = ring.slots();
            std::thread::sleep(if watching { FINE_TICK } else { TICK });
        }
    }
}

struct Guard {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Mouth(Room);

impl OutputHost for Mouth {
    fn open(&mut self, _device: Option<&str>) -> Result<Box<dyn OutputStream>, AudioError> {
        Ok(Box::new(Mouth(self.0.clone())))
    }
}

impl OutputStream for Mouth {
    fn name(&self) -> &str {
        "silent"
    }

    fn engine(&self) -> &'static str {
        "none"
    }

    fn begin_turn(&mut self) -> Result<Box<dyn TurnPlayer>, AudioError> {
        let pace = if self.0.0.at_once.load(Ordering::Relaxed) { Pace::Instant } else { Pace::RealTime };
        Ok(Box::new(Player { room: self.0.clone(), clock: ClockPlayer::new(pace) }))
    }

    fn failed(&self) -> Option<AudioError> {
        None
    }
}

struct Player {
    room: Room,
    clock: ClockPlayer,
}

impl TurnPlayer for Player {
    fn enqueue(&mut self, clip: &Clip) -> Result<Span, AudioError> {
        self.clock.enqueue(clip)
    }

    fn advance(&mut self) -> Result<u64, AudioError> {
        let position = self.clock.advance()?;
        if let Some(at) = self.clock.started() {
            lock(&self.room.0.sounds).started.get_or_insert(at);
        }
        Ok(position)
    }

    fn started(&self) -> Option<Moment> {
        self.clock.started()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        if self.clock.started().is_some() {
            lock(&self.room.0.sounds).silent = Some(clock::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_arrives_in_real_time_between_silence() {
        let room = Room::new(Pace::RealTime);
        let mut stream = room.microphone()().open(None).unwrap();
        let begun = clock::now();
        room.say(&vec![0.5; 1600]);
        let mut heard = Vec::new();
        while heard.iter().filter(|s| **s > 0.0).count() < 1600 || heard.last() != Some(&0.0) {
            assert!(clock::now().since(begun) < Duration::from_secs(20), "nothing arrived");
            while let Ok(sample) = stream.samples.pop() {
                heard.push(sample);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(room.is_quiet());
        assert!(clock::now().since(begun) >= Duration::from_millis(95), "100 ms of sound take 100 ms");
    }

    #[test]
    fn a_read_after_the_press_is_stamped() {
        let room = Room::new(Pace::RealTime);
        let mut stream = room.microphone()().open(None).unwrap();
        std::thread::sleep(Duration::from_millis(40));
        room.watch_reads();
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(room.first_read(), None);
        let down = clock::now();
        while stream.samples.pop().is_ok() {}
        std::thread::sleep(Duration::from_millis(40));
        assert!(room.first_read().unwrap() >= down);
    }

    #[test]
    fn silence_is_stamped_when_a_sounding_player_is_let_go() {
        let room = Room::new(Pace::RealTime);
        let mut stream = room.speaker()().open(None).unwrap();
        drop(stream.begin_turn().unwrap());
        assert_eq!(room.sounds(), Sounds::default(), "it never sounded");
        let mut player = stream.begin_turn().unwrap();
        player.enqueue(&Clip { samples: vec![0.1; 16_000].into(), rate: 16_000 }).unwrap();
        player.advance().unwrap();
        drop(player);
        let sounds = room.sounds();
        assert!(sounds.silent.unwrap() >= sounds.started.unwrap());
    }
}
