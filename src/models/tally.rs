//! Steps of single files as the progress of a whole model.

use super::catalog::CatalogModel;
use super::fetch::Progress as Step;
use super::manager::{Progress, Work};
use std::collections::BTreeMap;

/// Adds up the files of one model.
#[derive(Debug)]
pub struct Tally {
    /// Bytes of the model; `None`: the sum of the files that were named so far.
    total: Option<u64>,
    /// What bytes mean.
    moving: Work,
    files: BTreeMap<String, (u64, Option<u64>)>,
}

impl Tally {
    /// For the download of a model.
    #[must_use]
    pub fn new(model: &CatalogModel) -> Self {
        Tally { total: model.bytes(), moving: Work::Fetching, files: BTreeMap::new() }
    }

    /// For work on files whose number is not known before.
    #[must_use]
    pub fn of(moving: Work) -> Self {
        Tally { total: None, moving, files: BTreeMap::new() }
    }

    /// Takes in a step and says how far the whole is.
    pub fn step(&mut self, step: Step) -> Progress {
        let (mut per_second, mut seconds_left) = (0.0, None);
        let (file, work) = match step {
            Step::Started { name, total, resumed_at } => {
                self.files.insert(name.clone(), (resumed_at, total));
                (name, Work::Starting)
            }
            Step::Bytes { name, done, total, per_second: speed, seconds_left: left } => {
                self.files.insert(name.clone(), (done, total));
                (per_second, seconds_left) = (speed, left);
                (name, self.moving.clone())
            }
            Step::Retrying { name, why, attempt } => (name, Work::Retrying { why, attempt }),
            Step::Verifying { name } => (name, Work::Checking),
            Step::Done { name, bytes, .. } => {
                self.files.insert(name.clone(), (bytes, Some(bytes)));
                (name, Work::Checking)
            }
        };
        let done = self.files.values().fold(0_u64, |sum, (done, _)| sum.saturating_add(*done));
        let known = || self.files.values().try_fold(0_u64, |sum, (_, total)| Some(sum.saturating_add((*total)?)));
        let total = self.total.or_else(known);
        // The time of the whole model, not of the file that comes now.
        if let Some(left) = total.map(|total| total.saturating_sub(done)).filter(|_| per_second > 0.0) {
            seconds_left = Some(left as f64 / per_second);
        }
        Progress { id: String::new(), file, done, total, per_second, seconds_left, work }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(name: &str, done: u64, total: u64) -> Step {
        Step::Bytes { name: name.into(), done, total: Some(total), per_second: 10.0, seconds_left: Some(1.0) }
    }

    #[test]
    fn the_files_of_a_model_are_one_bar_and_one_time() {
        let mut tally = Tally::of(Work::Fetching);
        tally.total = Some(1_000);
        let started = tally.step(Step::Started { name: "a".into(), total: Some(400), resumed_at: 100 });
        assert_eq!((started.done, started.total, started.work), (100, Some(1_000), Work::Starting));
        tally.step(bytes("a", 400, 400));
        let second = tally.step(bytes("b", 100, 600));
        assert_eq!((second.done, second.seconds_left, second.work), (500, Some(50.0), Work::Fetching));
        let retry = tally.step(Step::Retrying { name: "b".into(), why: "cut".into(), attempt: 2 });
        assert_eq!((retry.done, retry.work), (500, Work::Retrying { why: "cut".into(), attempt: 2 }));
    }

    #[test]
    fn without_a_known_size_the_files_that_were_named_are_the_whole() {
        let mut tally = Tally::of(Work::Copying);
        assert_eq!(tally.step(bytes("a", 5, 10)).total, Some(10));
        let unknown = Step::Bytes { name: "b".into(), done: 1, total: None, per_second: f64::NAN, seconds_left: None };
        assert_eq!(tally.step(unknown).total, None);
    }
}
