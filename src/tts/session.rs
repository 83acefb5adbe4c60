//! Sessions of ONNX Runtime: their options, a run that a cancel ends, and what its errors mean.

use super::front::Symbols;
use super::graph::{Graph, Role};
use super::piper::Scales;
use super::{SynthesisError, runtime};
use crate::turn::CancelToken;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{NoSelectedOutputs, RunOptions, Session, SessionInputValue};
use ort::value::Tensor;
use std::borrow::Cow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, Thread, park_timeout, scope};
use std::time::Duration;

/// How often a running graph is asked whether it is still wanted.
const CANCEL_POLL: Duration = Duration::from_millis(5);

/// Why there is no session.
pub(super) enum Failure {
    /// ONNX Runtime is not there.
    Runtime(SynthesisError),
    /// It refuses the graph, or has not enough memory.
    Ort(ort::Error),
}

impl<R> From<ort::Error<R>> for Failure
where
    ort::Error: From<ort::Error<R>>,
{
    fn from(error: ort::Error<R>) -> Self {
        Failure::Ort(error.into())
    }
}

/// Builds the session from memory, so that the engine sees exactly the bytes that were checked.
pub(super) fn open(bytes: &[u8], threads: u32) -> Result<Session, Failure> {
    Ok(builder(threads)?.commit_from_memory(bytes)?)
}

/// Builds the session of a part of a graph. Its shapes are left out, so that the optimiser's higher levels find nothing to do
/// and cost 0.1 s; the time of a run is the same at every level (90 ms at 412 frames).
pub(super) fn open_part(bytes: &[u8], threads: u32) -> Result<Session, Failure> {
    Ok(builder(threads)?.with_optimization_level(GraphOptimizationLevel::Level1)?.commit_from_memory(bytes)?)
}

fn builder(threads: u32) -> Result<ort::session::builder::SessionBuilder, Failure> {
    let environment = runtime::environment().map_err(Failure::Runtime)?;
    // More threads are not faster (convolutions of a vocoder are small), and threads that spin burn a core for over a second
    // after each run. The memory pattern is for inputs of a fixed length; these vary.
    Ok(Session::builder(&environment)?
        .with_intra_threads(threads.clamp(1, 2) as usize)?
        .with_intra_op_spinning(false)?
        .with_inter_op_spinning(false)?
        .with_memory_pattern(false)?)
}

/// Tells the watcher that the run is over, also when it ends by a panic.
struct Finish<'a> {
    done: &'a AtomicBool,
    watcher: Option<Thread>,
}

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Release);
        if let Some(watcher) = &self.watcher {
            watcher.unpark();
        }
    }
}

/// Does `work`, whose runs use `options`. A run cannot look at the token itself: a second thread does, and terminates the run
/// at its next node. Without that thread (the system gives none) a cancel is seen after the run.
pub(super) fn watched<T>(cancel: &CancelToken, options: &RunOptions<NoSelectedOutputs>, work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    scope(|scope| {
        let watcher = Builder::new().name("hark-tts-cancel".to_owned()).spawn_scoped(scope, || {
            while !done.load(Ordering::Acquire) {
                if cancel.is_cancelled() {
                    return drop(options.terminate());
                }
                park_timeout(CANCEL_POLL);
            }
        });
        let _finish = Finish { done: &done, watcher: watcher.ok().map(|watcher| watcher.thread().clone()) };
        work()
    })
}

/// Values by the names of a graph's inputs.
pub(super) type NamedInputs<'a> = Vec<(Cow<'a, str>, SessionInputValue<'a>)>;

/// What a graph takes for the symbols of a sentence.
pub(super) fn inputs<'a>(graph: &'a Graph, symbols: &Symbols, scales: Scales, speaker: u32) -> ort::Result<NamedInputs<'a>> {
    let ids = &symbols.ids;
    let tones = || if symbols.tones.len() == ids.len() { symbols.tones.clone() } else { vec![0; ids.len()] };
    let count = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let mut inputs: NamedInputs<'a> = Vec::with_capacity(graph.inputs.len());
    for input in &graph.inputs {
        let one = || if input.scalar { Vec::new() } else { vec![1i64] };
        let value: SessionInputValue<'a> = match input.role {
            Role::Ids => integers(vec![1, count], ids.clone(), input.narrow)?,
            Role::Tones => integers(vec![1, count], tones(), input.narrow)?,
            Role::Mask => integers(vec![1, count], vec![1; ids.len()], input.narrow)?,
            Role::Length => integers(one(), vec![count], input.narrow)?,
            Role::Speaker => integers(one(), vec![i64::from(speaker)], input.narrow)?,
            Role::Scales => Tensor::from_array((vec![3i64], vec![scales.noise, scales.length, scales.noise_width]))?.into(),
            Role::Noise => Tensor::from_array((one(), vec![scales.noise]))?.into(),
            Role::LengthScale => Tensor::from_array((one(), vec![scales.length]))?.into(),
            Role::NoiseWidth => Tensor::from_array((one(), vec![scales.noise_width]))?.into(),
            Role::Rate => Tensor::from_array((one(), vec![1.0 / scales.length]))?.into(),
            Role::One => Tensor::from_array((one(), vec![1.0f32]))?.into(),
        };
        inputs.push((Cow::Borrowed(&input.name), value));
    }
    Ok(inputs)
}

/// A tensor of integers, of 32 bits where the graph wants `narrow` ones: all of these are small.
fn integers<'a>(dims: Vec<i64>, values: Vec<i64>, narrow: bool) -> ort::Result<SessionInputValue<'a>> {
    if !narrow {
        return Ok(Tensor::from_array((dims, values))?.into());
    }
    let values: Vec<i32> = values.into_iter().map(|value| i32::try_from(value).unwrap_or(i32::MAX)).collect();
    Ok(Tensor::from_array((dims, values))?.into())
}

/// Why a file was not loaded, as the user is told.
pub(super) fn refused(path: &Path, failure: Failure) -> SynthesisError {
    match failure {
        Failure::Runtime(error) => error,
        Failure::Ort(error) if is_out_of_memory(&error) => SynthesisError::OutOfMemory(path.to_path_buf()),
        Failure::Ort(error) => {
            let reason = format!("ONNX Runtime refuses it ({})", first_line(error.message()));
            SynthesisError::VoiceCorrupt { path: path.to_path_buf(), reason }
        }
    }
}

/// An error of a run, as the user is told.
pub(super) fn failed(voice: &str, error: &ort::Error) -> SynthesisError {
    match is_out_of_memory(error) {
        true => SynthesisError::OutOfMemory(voice.into()),
        false => SynthesisError::Engine(first_line(error.message())),
    }
}

/// ONNX Runtime has no error code of its own for this.
pub(super) fn is_out_of_memory<R>(error: &ort::Error<R>) -> bool {
    ["bad_alloc", "Failed to allocate memory", "bad allocation"].iter().any(|text| error.message().contains(text))
}

/// The start of an engine's message, which may have many lines.
pub(super) fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or("").chars().take(200).collect::<String>().trim_end_matches('.').to_owned()
}
