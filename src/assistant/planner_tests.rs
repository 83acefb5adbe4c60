//! The plan of this machine, and how long anybody waits for it.

use super::*;
use crate::config::test_config;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Clone)]
struct Plug(Arc<AtomicBool>);

impl Sensors for Plug {
    fn free_memory(&mut self) -> Option<u64> {
        Some(3_000_000_000)
    }

    fn power(&mut self) -> Option<Power> {
        Some(if self.0.load(Ordering::Relaxed) { Power::Mains } else { Power::Battery })
    }
}

fn sized(folder: &Path, name: &str, bytes: u64) -> ModelEntry {
    let path = folder.join(name);
    // A sparse file takes no room on the disk.
    std::fs::File::create(&path).unwrap().set_len(bytes).unwrap();
    store::entry(&path)
}

/// A chat model of 2 GB and one of 0.3 GB are installed.
fn config(folder: &Path) -> Arc<Config> {
    let chat = vec![sized(folder, "large.gguf", 2_000_000_000), sized(folder, "small.gguf", 300_000_000)];
    let mut config = Config { chat_model: Some(chat[0].path.clone()), ..test_config() };
    config.spare.chat = chat;
    config.stt.threads = 4;
    Arc::new(config)
}

#[test]
fn the_plug_is_noticed_at_the_beginning_of_a_turn_and_the_models_stay() {
    let folder = tempfile::tempdir().unwrap();
    let plug = Plug(Arc::new(AtomicBool::new(true)));
    let mut planner = Planner::start(Box::new(plug.clone())).unwrap();
    let raw = config(folder.path());
    let first = planner.begin(&raw);
    assert!(first.config.chat_model.as_deref().is_some_and(|path| path.ends_with("small.gguf")), "{:?}", first.plan);
    assert_eq!((first.config.stt.threads, first.config.speculate), (4, true));
    assert_eq!(first.config.spare.chat.len(), 1, "what is too large is not taken instead either");
    assert_eq!(notices(&first.plan, None).len(), 1);
    assert_eq!(notices(&first.plan, Some(&first.plan)), []);
    plug.0.store(false, Ordering::Relaxed);
    assert!(planner.turn_begins().is_none(), "it was looked at less than a minute ago");
    let begins = |planner: &mut Planner| {
        planner.looked = None;
        // The first may come too late for its turn; then the next one gets it.
        (0..200).find_map(|_| planner.turn_begins())
    };
    let battery = begins(&mut planner).unwrap();
    assert_eq!((battery.config.stt.threads, battery.config.speculate), (2, false));
    assert_eq!(battery.config.chat_model, first.config.chat_model);
    plug.0.store(true, Ordering::Relaxed);
    let mains = begins(&mut planner).unwrap();
    assert_eq!(mains.config, first.config);
}

#[test]
fn what_works_is_not_taken_away_because_of_another_choice() {
    let folder = tempfile::tempdir().unwrap();
    let raw = config(folder.path());
    let loaded = Loaded { chat: raw.chat_model.clone(), ..Loaded::default() };
    let mut planner = Planner::start(Box::new(Plug(Arc::new(AtomicBool::new(true))))).unwrap();
    assert_eq!(planner.choose(&raw, &loaded).config.chat_model, raw.chat_model);
    assert_ne!(planner.choose(&raw, &Loaded::default()).config.chat_model, raw.chat_model);
    let all = Arc::new(Config { fit_memory: false, ..(*raw).clone() });
    assert_eq!(planner.choose(&all, &Loaded::default()).config.chat_model, raw.chat_model);
}

#[test]
fn a_model_for_which_there_is_no_room_beside_the_old_one_waits_for_its_memory() {
    let folder = tempfile::tempdir().unwrap();
    let mut wish = (*config(folder.path())).clone();
    let huge = sized(folder.path(), "huge.gguf", 2_600_000_000);
    wish.chat_model = Some(huge.path.clone());
    wish.fit_memory = false;
    let mut planner = Planner::start(Box::new(Plug(Arc::new(AtomicBool::new(true))))).unwrap();
    assert_eq!(planner.choose(&Arc::new(wish), &Loaded::default()).crowded, [Stage::Llm]);
}

#[test]
fn this_machine_has_a_plan() {
    let from = clock::now();
    let plan = plan_now(&test_config());
    println!("{plan:?} after {:?}", clock::now().since(from));
    assert!(plan.free_bytes.is_some() && plan.need_bytes > 0);
}
