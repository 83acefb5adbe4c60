//! Fake microphones and speakers: scripted, without hardware, steered from outside while they run.

use crate::audio::host::{
    Fault, InputFactory, InputHealth, InputHost, InputStream, OutputFactory, OutputHost, OutputStream, Span, TurnPlayer,
};
use crate::audio::outputs::{ClockPlayer, Pace};
use crate::audio::{AudioError, Clip};
use crate::clock;
use crate::turn::Moment;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the fake microphone's thread wakes up.
const TICK: Duration = Duration::from_millis(5);

/// Steers a [`FakeInput`] that may be open on another thread. Clones steer the same one.
#[derive(Clone, Debug)]
pub struct FakeMicrophone {
    inner: Arc<Microphone>,
}

#[derive(Debug)]
struct Microphone {
    rate: u32,
    pace: Pace,
    to_say: Mutex<VecDeque<f32>>,
    repeat: Mutex<Option<Clip>>,
    refuse_opens: AtomicU32,
    fail_after: AtomicU64,
    gone: AtomicBool,
    mute: AtomicBool,
    opens: AtomicU32,
    given: AtomicU64,
}

impl FakeMicrophone {
    /// A microphone with this rate. What it is told to hear ([`Self::hear`]) comes in real time or at once; between
    /// and after that it gives digital silence in real time, as a real one gives a quiet room.
    #[must_use]
    pub fn new(rate: u32, pace: Pace) -> Self {
        let inner = Microphone {
            rate: rate.max(1),
            pace,
            to_say: Mutex::default(),
            repeat: Mutex::default(),
            refuse_opens: AtomicU32::new(0),
            fail_after: AtomicU64::new(u64::MAX),
            gone: AtomicBool::new(false),
            mute: AtomicBool::new(false),
            opens: AtomicU32::new(0),
            given: AtomicU64::new(0),
        };
        FakeMicrophone { inner: Arc::new(inner) }
    }

    /// Someone speaks: these samples (at the microphone's rate) come next.
    pub fn hear(&self, samples: &[f32]) {
        lock(&self.inner.to_say).extend(samples);
    }

    /// The same clip over and over, for a microphone that nobody steers. Its rate must be the microphone's.
    pub fn hear_for_ever(&self, clip: Clip) {
        *lock(&self.inner.repeat) = Some(clip);
    }

    /// The next `times` attempts to open it fail.
    pub fn refuse(&self, times: u32) {
        self.inner.refuse_opens.store(times, Ordering::Relaxed);
    }

    /// It goes away after it gave so many samples from now on.
    pub fn fail_after(&self, samples: u64) {
        self.inner.fail_after.store(self.inner.given.load(Ordering::Relaxed).saturating_add(samples), Ordering::Relaxed);
    }

    /// It goes away now, and (until [`Self::plug_in`]) cannot be opened.
    pub fn pull_out(&self) {
        self.inner.gone.store(true, Ordering::Relaxed);
    }

    /// It is there again.
    pub fn plug_in(&self) {
        self.inner.gone.store(false, Ordering::Relaxed);
    }

    /// It stays open and gives nothing, not even silence.
    pub fn hang(&self, hangs: bool) {
        self.inner.mute.store(hangs, Ordering::Relaxed);
    }

    /// How often it was opened, or tried to.
    #[must_use]
    pub fn opens(&self) -> u32 {
        self.inner.opens.load(Ordering::Relaxed)
    }

    /// Makes hosts for the capture thread.
    #[must_use]
    pub fn factory(&self) -> InputFactory {
        let microphone = self.clone();
        Arc::new(move || Box::new(FakeInput { microphone: microphone.clone() }))
    }
}

/// The host of a [`FakeMicrophone`].
#[derive(Debug)]
pub struct FakeInput {
    microphone: FakeMicrophone,
}

impl FakeInput {
    /// A microphone that hears this clip once, from the moment it is opened, and then silence.
    #[must_use]
    pub fn new(clip: &Clip, pace: Pace) -> Self {
        let microphone = FakeMicrophone::new(clip.rate, pace);
        microphone.hear(&clip.samples);
        FakeInput { microphone }
    }
}

impl InputHost for FakeInput {
    fn open(&mut self, device: Option<&str>) -> Result<InputStream, AudioError> {
        let inner = Arc::clone(&self.microphone.inner);
        inner.opens.fetch_add(1, Ordering::Relaxed);
        let name = device.unwrap_or("fake microphone").to_owned();
        let refused = inner.refuse_opens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok();
        if refused || inner.gone.load(Ordering::Relaxed) {
            return Err(AudioError::DeviceUnavailable { kind: "microphone", name });
        }
        let rate = inner.rate;
        let waiting = lock(&inner.to_say).len();
        let (ring, samples) = rtrb::RingBuffer::new(waiting + 2 * rate as usize);
        let health = Arc::new(InputHealth::default());
        let stop = Arc::new(AtomicBool::new(false));
        let (thread_health, thread_stop) = (Arc::clone(&health), Arc::clone(&stop));
        let thread = std::thread::Builder::new()
            .name("hark-fake-mic".to_owned())
            .spawn(move || feed(&inner, ring, &thread_health, &thread_stop))
            .map_err(|e| AudioError::Device { kind: "microphone", reason: e.to_string() })?;
        Ok(InputStream { rate, name, engine: "fake", samples, health, guard: Box::new(FeedGuard { stop, thread: Some(thread) }) })
    }
}

/// What a driver's thread does.
fn feed(microphone: &Microphone, mut ring: rtrb::Producer<f32>, health: &InputHealth, stop: &AtomicBool) {
    let begun = clock::now();
    let (mut silence_due, mut repeat_at) = (0u64, 0usize);
    while !stop.load(Ordering::Relaxed) {
        let due = (clock::now().since(begun).as_secs_f64() * f64::from(microphone.rate)) as u64;
        let mut samples: Vec<f32> = Vec::new();
        if microphone.mute.load(Ordering::Relaxed) {
            silence_due = due;
        } else {
            let mut to_say = lock(&microphone.to_say);
            let in_time = usize::try_from(due - silence_due.min(due)).unwrap_or(0);
            silence_due = due;
            let said = if microphone.pace == Pace::Instant { to_say.len() } else { to_say.len().min(in_time) };
            samples.extend(to_say.drain(..said));
            drop(to_say);
            let repeated = lock(&microphone.repeat).clone().filter(|c| !c.samples.is_empty());
            while samples.len() < in_time {
                samples.push(repeated.as_ref().map_or(0.0, |c| c.samples[repeat_at % c.samples.len()]));
                repeat_at += 1;
            }
        }
        let given = microphone.given.load(Ordering::Relaxed);
        let limit = microphone.fail_after.load(Ordering::Relaxed);
        let allowed = usize::try_from(limit.saturating_sub(given)).unwrap_or(usize::MAX).min(samples.len());
        let rest = ring.push_partial_slice(&samples[..allowed]).1.len();
        health.add_dropped(rest as u64);
        microphone.given.store(given + allowed as u64, Ordering::Relaxed);
        if given + allowed as u64 >= limit {
            microphone.fail_after.store(u64::MAX, Ordering::Relaxed);
            microphone.gone.store(true, Ordering::Relaxed);
        }
        if microphone.gone.load(Ordering::Relaxed) {
            health.fail(Fault::Gone);
            return;
        }
        std::thread::sleep(TICK);
    }
}

struct FeedGuard {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for FeedGuard {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What one player of a [`FakeSpeaker`] was given.
#[derive(Clone, Debug, Default)]
pub struct PlayedTurn {
    /// Its clips, in order.
    pub clips: Vec<Clip>,
    /// How much of them had sounded when it was dropped, ms; `None`: it still plays.
    pub ended_at_millis: Option<f64>,
    /// When it was dropped.
    pub ended: Option<Moment>,
}

impl PlayedTurn {
    /// All of its samples, one after the other.
    #[must_use]
    pub fn samples(&self) -> Vec<f32> {
        self.clips.iter().flat_map(|c| c.samples.iter().copied()).collect()
    }
}

/// Steers a fake speaker and knows what it played. Clones are the same one.
#[derive(Clone, Debug)]
pub struct FakeSpeaker {
    inner: Arc<Speaker>,
}

#[derive(Debug)]
struct Speaker {
    pace: Pace,
    played: Mutex<Vec<PlayedTurn>>,
    refuse_opens: AtomicU32,
    gone: AtomicBool,
    hangs: AtomicBool,
    opens: AtomicU32,
    open_now: AtomicU32,
}

impl FakeSpeaker {
    /// A speaker that plays in real time or at once.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        let inner = Speaker {
            pace,
            played: Mutex::default(),
            refuse_opens: AtomicU32::new(0),
            gone: AtomicBool::new(false),
            hangs: AtomicBool::new(false),
            opens: AtomicU32::new(0),
            open_now: AtomicU32::new(0),
        };
        FakeSpeaker { inner: Arc::new(inner) }
    }

    /// What was played, one entry per player (a turn, or the rest of one on a newly opened speaker).
    #[must_use]
    pub fn played(&self) -> Vec<PlayedTurn> {
        lock(&self.inner.played).clone()
    }

    /// The next `times` attempts to open it fail.
    pub fn refuse(&self, times: u32) {
        self.inner.refuse_opens.store(times, Ordering::Relaxed);
    }

    /// It goes away now, and (until [`Self::plug_in`]) cannot be opened.
    pub fn pull_out(&self) {
        self.inner.gone.store(true, Ordering::Relaxed);
    }

    /// It is there again.
    pub fn plug_in(&self) {
        self.inner.gone.store(false, Ordering::Relaxed);
    }

    /// It stays open and takes no samples.
    pub fn hang(&self, hangs: bool) {
        self.inner.hangs.store(hangs, Ordering::Relaxed);
    }

    /// How often it was opened, or tried to.
    #[must_use]
    pub fn opens(&self) -> u32 {
        self.inner.opens.load(Ordering::Relaxed)
    }

    /// How many streams of it are open now.
    #[must_use]
    pub fn open_now(&self) -> u32 {
        self.inner.open_now.load(Ordering::Relaxed)
    }

    /// Makes hosts for the playback thread.
    #[must_use]
    pub fn factory(&self) -> OutputFactory {
        let speaker = self.clone();
        Arc::new(move || Box::new(FakeOutput { speaker: speaker.clone() }))
    }
}

/// The host of a [`FakeSpeaker`].
#[derive(Debug)]
pub struct FakeOutput {
    speaker: FakeSpeaker,
}

impl OutputHost for FakeOutput {
    fn open(&mut self, device: Option<&str>) -> Result<Box<dyn OutputStream>, AudioError> {
        let inner = &self.speaker.inner;
        inner.opens.fetch_add(1, Ordering::Relaxed);
        let name = device.unwrap_or("fake speaker").to_owned();
        let refused = inner.refuse_opens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok();
        if refused || inner.gone.load(Ordering::Relaxed) {
            return Err(AudioError::DeviceUnavailable { kind: "speaker", name });
        }
        inner.open_now.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(FakeStream { speaker: self.speaker.clone(), name }))
    }
}

struct FakeStream {
    speaker: FakeSpeaker,
    name: String,
}

impl Drop for FakeStream {
    fn drop(&mut self) {
        self.speaker.inner.open_now.fetch_sub(1, Ordering::Relaxed);
    }
}

impl OutputStream for FakeStream {
    fn name(&self) -> &str {
        &self.name
    }

    fn engine(&self) -> &'static str {
        "fake"
    }

    fn begin_turn(&mut self) -> Result<Box<dyn TurnPlayer>, AudioError> {
        let mut played = lock(&self.speaker.inner.played);
        played.push(PlayedTurn::default());
        let index = played.len() - 1;
        Ok(Box::new(FakePlayer { clock: ClockPlayer::new(self.speaker.inner.pace), speaker: self.speaker.clone(), index, position: 0 }))
    }

    fn failed(&self) -> Option<AudioError> {
        let gone = self.speaker.inner.gone.load(Ordering::Relaxed);
        gone.then(|| Fault::Gone.error("speaker", &self.name))
    }
}

struct FakePlayer {
    clock: ClockPlayer,
    speaker: FakeSpeaker,
    index: usize,
    position: u64,
}

impl TurnPlayer for FakePlayer {
    fn enqueue(&mut self, clip: &Clip) -> Result<Span, AudioError> {
        if let Some(played) = lock(&self.speaker.inner.played).get_mut(self.index) {
            played.clips.push(clip.clone());
        }
        self.clock.enqueue(clip)
    }

    fn advance(&mut self) -> Result<u64, AudioError> {
        let stands = self.speaker.inner.hangs.load(Ordering::Relaxed) || self.speaker.inner.gone.load(Ordering::Relaxed);
        if !stands {
            self.position = self.clock.advance()?;
        }
        Ok(self.position)
    }

    fn started(&self) -> Option<Moment> {
        self.clock.started()
    }
}

impl Drop for FakePlayer {
    fn drop(&mut self) {
        if let Some(played) = lock(&self.speaker.inner.played).get_mut(self.index) {
            played.ended_at_millis = Some(self.position as f64 / 1e6);
            played.ended = Some(clock::now());
        }
    }
}

/// A test that failed while it held the lock does not matter to the others.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
