//! What the model page shows, as a pure function of the commands and events so far.

use crate::error::StageError;
use crate::models::listing::Listing;
use crate::models::manager::{Done, ManagerCommand, ManagerEvent, Progress, Question, Work};
use std::collections::BTreeMap;
use std::sync::Arc;

/// More cards than this help nobody; the oldest leave.
const MOST_CARDS: usize = 6;

/// What became of a piece of work.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// The model, or the path of an import.
    pub id: String,
    /// How it ended.
    pub result: Result<Done, StageError>,
    /// The same once more.
    pub again: Option<ManagerCommand>,
}

/// The whole page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelsView {
    /// What is there; empty until it was looked.
    pub listing: Arc<Listing>,
    /// It was looked.
    pub looked: bool,
    /// The work that waits or goes on, by model or path.
    pub work: BTreeMap<String, Progress>,
    /// What the person is asked, oldest first.
    pub questions: Vec<Question>,
    /// What became of earlier work, oldest first.
    pub cards: Vec<Card>,
    commands: BTreeMap<String, ManagerCommand>,
}

impl ModelsView {
    /// Takes in what the person asked for, so that it shows before a thread has time for it.
    pub fn asked(&mut self, command: &ManagerCommand) {
        match command {
            ManagerCommand::Pull(ids) => {
                for id in ids {
                    self.begin(id, ManagerCommand::Pull(vec![id.clone()]));
                }
            }
            ManagerCommand::Import(path) => self.begin(&path.display().to_string(), command.clone()),
            ManagerCommand::Remove(id) | ManagerCommand::Verify(id) => self.begin(id, command.clone()),
            ManagerCommand::Answer { id, file, .. } => self.questions.retain(|q| (&q.id, &q.file) != (id, file)),
            ManagerCommand::Refresh(_) | ManagerCommand::Stop(_) => {}
        }
    }

    fn begin(&mut self, id: &str, command: ManagerCommand) {
        self.dismiss(id);
        self.work.entry(id.to_owned()).or_insert_with(|| Progress { id: id.to_owned(), ..Progress::default() });
        self.commands.insert(id.to_owned(), command);
    }

    /// A command that was asked for and not taken: nothing waits for it.
    pub fn refused(&mut self, command: &ManagerCommand, error: &StageError) {
        let ids = match command {
            ManagerCommand::Pull(ids) => ids.clone(),
            ManagerCommand::Import(path) => vec![path.display().to_string()],
            ManagerCommand::Remove(id) | ManagerCommand::Verify(id) => vec![id.clone()],
            _ => return,
        };
        for id in ids {
            self.end(id, Err(error.clone()));
        }
    }

    /// Takes in one event.
    pub fn apply(&mut self, event: &ManagerEvent) {
        match event {
            ManagerEvent::Listing(listing) => {
                self.listing = Arc::clone(listing);
                self.looked = true;
            }
            ManagerEvent::Progress(progress) => {
                self.work.insert(progress.id.clone(), progress.clone());
            }
            ManagerEvent::Question(question) => {
                self.questions.retain(|q| (&q.id, &q.file) != (&question.id, &question.file));
                self.questions.push(question.clone());
            }
            ManagerEvent::Finished { id, result } => self.end(id.clone(), result.clone()),
        }
    }

    fn end(&mut self, id: String, result: Result<Done, StageError>) {
        self.work.remove(&id);
        self.questions.retain(|q| q.id != id);
        let again = self.commands.remove(&id);
        // Who stopped it knows; what is there of it stands in the list.
        if result == Ok(Done::Stopped) {
            return;
        }
        self.dismiss(&id);
        self.cards.push(Card { id, result, again });
        if self.cards.len() > MOST_CARDS {
            self.cards.remove(0);
        }
    }

    /// Takes a card off the page.
    pub fn dismiss(&mut self, id: &str) {
        self.cards.retain(|card| card.id != id);
    }

    /// Whether something is done with this model.
    #[must_use]
    pub fn busy(&self, id: &str) -> bool {
        self.work.contains_key(id)
    }

    /// The downloads, those that wait among them; not what is checked, removed or copied.
    pub fn downloads(&self) -> impl Iterator<Item = &Progress> {
        let comes = |p: &&Progress| matches!(p.work, Work::Waiting | Work::Starting | Work::Fetching | Work::Retrying { .. });
        let asked = |p: &&Progress| matches!(self.commands.get(&p.id), None | Some(ManagerCommand::Pull(_)));
        self.work.values().filter(comes).filter(asked)
    }

    /// All downloads as one: bytes there and bytes in all (`None`: some of them are not known).
    #[must_use]
    pub fn whole(&self) -> (u64, Option<u64>) {
        let done = self.downloads().fold(0_u64, |sum, p| sum.saturating_add(p.done));
        let total = self.downloads().try_fold(0_u64, |sum, p| {
            // One that waits for its turn has no total yet; the list knows its size.
            let known = p.total.or_else(|| self.listing.offer(&p.id).and_then(|offer| offer.bytes))?;
            Some(sum.saturating_add(known))
        });
        (done, total)
    }

    /// The last fault that still stands on the page.
    #[must_use]
    pub fn fault(&self) -> Option<&StageError> {
        self.cards.iter().rev().find_map(|card| card.result.as_ref().err())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Severity, Stage};
    use crate::fakes::models::sample;

    fn pull(id: &str) -> ManagerCommand {
        ManagerCommand::Pull(vec![id.to_owned()])
    }

    fn finished(id: &str, result: Result<Done, StageError>) -> ManagerEvent {
        ManagerEvent::Finished { id: id.to_owned(), result }
    }

    #[test]
    fn what_was_asked_for_waits_at_once_and_a_failure_can_be_tried_again() {
        let mut view = ModelsView::default();
        view.asked(&pull("a"));
        assert!(view.busy("a"));
        let error = StageError::new(Stage::Desktop, Severity::Turn, "No source answered.", "Try again.");
        view.apply(&finished("a", Err(error.clone())));
        assert!(!view.busy("a"));
        assert_eq!(view.fault(), Some(&error));
        assert_eq!(view.cards[0].again, Some(pull("a")));
        view.asked(&pull("a"));
        assert_eq!(view.cards, [], "the old fault leaves when it is tried again");
    }

    #[test]
    fn stopping_leaves_no_card_and_takes_the_question_away() {
        let mut view = ModelsView::default();
        view.asked(&pull("a"));
        view.apply(&ManagerEvent::Question(Question { id: "a".into(), file: "f".into(), ..Question::default() }));
        view.apply(&ManagerEvent::Question(Question { id: "a".into(), file: "f".into(), ..Question::default() }));
        assert_eq!(view.questions.len(), 1);
        view.apply(&finished("a", Ok(Done::Stopped)));
        assert_eq!((view.questions.len(), view.cards.len(), view.work.len()), (0, 0, 0));
    }

    #[test]
    fn the_whole_of_several_downloads_counts_those_that_wait() {
        let mut view = ModelsView::default();
        view.apply(&ManagerEvent::Listing(Arc::new(sample())));
        view.asked(&ManagerCommand::Pull(vec!["whisper-base-q5_1".into(), "qwen2.5-0.5b-instruct-q4".into()]));
        view.apply(&ManagerEvent::Progress(Progress { id: "whisper-base-q5_1".into(), done: 30_000_000, ..Progress::default() }));
        assert_eq!(view.whole(), (30_000_000, Some(458_000_000)));
        view.asked(&pull("unknown"));
        assert_eq!(view.whole(), (30_000_000, None));
    }
}
