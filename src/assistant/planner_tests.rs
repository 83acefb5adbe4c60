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
    assert_eq!(planner.choose(&raw, &loaded, &[]).config.chat_model, raw.chat_model);
    assert_ne!(planner.choose(&raw, &Loaded::default(), &[]).config.chat_model, raw.chat_model);
    let all = Arc::new(Config { fit_memory: false, ..(*raw).clone() });
    assert_eq!(planner.choose(&all, &Loaded::default(), &[]).config.chat_model, raw.chat_model);
}

#[test]
fn a_model_for_which_there_is_no_room_beside_the_old_one_waits_for_its_memory() {
    let folder = tempfile::tempdir().unwrap();
    let mut wish = (*config(folder.path())).clone();
    let huge = sized(folder.path(), "huge.gguf", 2_600_000_000);
    wish.chat_model = Some(huge.path.clone());
    wish.fit_memory = false;
    let mut planner = Planner::start(Box::new(Plug(Arc::new(AtomicBool::new(true))))).unwrap();
    assert_eq!(planner.choose(&Arc::new(wish), &Loaded::default(), &[]).crowded, [Stage::Llm]);
}

/// Free memory as a test wants it, bytes.
struct Free(Arc<std::sync::atomic::AtomicU64>);

impl Sensors for Free {
    fn free_memory(&mut self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed))
    }

    fn power(&mut self) -> Option<Power> {
        None
    }
}

#[test]
fn a_model_that_is_loaded_again_is_chosen_for_the_memory_that_is_free_then() {
    let folder = tempfile::tempdir().unwrap();
    let raw = Arc::new(Config { unload_after: Some(Duration::from_secs(900)), ..(*config(folder.path())).clone() });
    let free = Arc::new(std::sync::atomic::AtomicU64::new(9_000_000_000));
    let mut planner = Planner::start(Box::new(Free(Arc::clone(&free)))).unwrap();
    let (large, small) = (raw.spare.chat[0].path.clone(), raw.spare.chat[1].path.clone());
    let first = planner.begin(&raw);
    assert_eq!(first.config.chat_model.as_ref(), Some(&large));
    // It was not used for a while; other programs took the memory.
    free.store(3_000_000_000, Ordering::Relaxed);
    let loaded = Loaded { chat: Some(large.clone()), ..Loaded::default() };
    let tight = planner.wakes(&loaded, &[Stage::Llm], &[Stage::Llm]).unwrap();
    assert_eq!(tight.config.chat_model, Some(small));
    assert!(notices(&tight.plan, Some(&first.plan))[0].message.contains("so the smaller chat model small is used"), "{:?}", tight.plan);
    free.store(9_000_000_000, Ordering::Relaxed);
    assert_eq!(planner.wakes(&Loaded::default(), &[Stage::Llm], &[Stage::Llm]).unwrap().config.chat_model, Some(large));
}

#[test]
fn an_engine_that_is_there_is_not_counted_twice_because_it_may_be_unloaded_later() {
    let folder = tempfile::tempdir().unwrap();
    let ears = vec![sized(folder.path(), "ear.bin", 600_000_000), sized(folder.path(), "tiny.bin", 40_000_000)];
    let mut raw = Config { unload_after: Some(Duration::from_secs(900)), ..(*config(folder.path())).clone() };
    (raw.stt_model, raw.spare.stt) = (Some(ears[0].path.clone()), ears.clone());
    // What the chat model holds is not free any more.
    let free = Arc::new(std::sync::atomic::AtomicU64::new(3_100_000_000));
    let mut planner = Planner::start(Box::new(Free(free))).unwrap();
    let raw = Arc::new(raw);
    let loaded = Loaded { chat: raw.chat_model.clone(), ..Loaded::default() };
    let extra = frees(ModelKind::Chat, raw.chat_model.as_deref().unwrap(), raw.chat.context_tokens);
    assert!(extra > 30_000_000, "{extra}");
    let held = planner.choose(&raw, &loaded, &[]);
    let gone = planner.choose(&raw, &loaded, &[Stage::Llm]);
    let free_as_said = |planned: &Planned| {
        planned.plan.reasons.iter().find_map(|reason| match reason {
            Reason::Smaller { free_bytes, .. } | Reason::Tight { free_bytes, .. } => Some(*free_bytes),
            _ => None,
        })
    };
    assert_eq!((free_as_said(&held), free_as_said(&gone)), (Some(3_100_000_000 + extra), Some(3_100_000_000)));
}

#[test]
fn what_one_engine_takes_the_next_one_does_not_have() {
    let folder = tempfile::tempdir().unwrap();
    let mut raw = (*config(folder.path())).clone();
    raw.fit_memory = false;
    raw.stt_model = Some(sized(folder.path(), "ear.bin", 600_000_000).path);
    let needs = |kind, path: &Option<PathBuf>| policy::need(kind, bytes_of(path.as_deref().unwrap()), raw.chat.context_tokens);
    let (ear, mind) = (needs(ModelKind::Stt, &raw.stt_model), needs(ModelKind::Chat, &raw.chat_model));
    let both = ear + mind + 1_000_000_000;
    assert_eq!(crowded(&raw, Some(both), &Loaded::default()), []);
    assert_eq!(crowded(&raw, Some(both - ear / 2 - 500_000_000), &Loaded::default()), [Stage::Llm]);
    let heard = Loaded { stt: raw.stt_model.clone(), ..Loaded::default() };
    assert_eq!(crowded(&raw, Some(both - ear / 2 - 500_000_000), &heard), [], "that one is there already");
}

/// Its first look at the memory takes longer than anybody waits.
struct Sleepy(u32);

impl Sensors for Sleepy {
    fn free_memory(&mut self) -> Option<u64> {
        if std::mem::take(&mut self.0) > 0 {
            std::thread::sleep(CHOICE * 3 / 2);
        }
        Some(30_000_000_000)
    }

    fn power(&mut self) -> Option<Power> {
        None
    }
}

#[test]
fn the_answer_to_an_earlier_question_does_not_undo_a_choice() {
    let folder = tempfile::tempdir().unwrap();
    let first = config(folder.path());
    let second = Arc::new(Config { chat_model: Some(first.spare.chat[1].path.clone()), ..(*first).clone() });
    let mut planner = Planner::start(Box::new(Sleepy(1))).unwrap();
    assert_eq!(planner.choose(&first, &Loaded::default(), &[]).config.chat_model, first.chat_model, "without a plan");
    for _ in 0..2 {
        assert_eq!(planner.choose(&second, &Loaded::default(), &[]).config.chat_model, second.chat_model);
    }
    assert!(planner.turn_begins().is_none_or(|late| late.config.chat_model == second.chat_model));
}

#[test]
fn in_place_of_a_file_that_fails_nothing_is_taken_that_has_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let large = config(folder.path());
    let small = large.spare.chat[1].clone();
    let wish = Arc::new(Config { chat_model: Some(small.path.clone()), ..(*large).clone() });
    let mut planner = Planner::start(Box::new(Plug(Arc::new(AtomicBool::new(true))))).unwrap();
    assert_eq!(planner.choose(&wish, &Loaded::default(), &[]).config.spare.chat, [small]);
    let mut planner = Planner::start(Box::new(Sleepy(0))).unwrap();
    assert_eq!(planner.choose(&wish, &Loaded::default(), &[]).config.spare.chat.len(), 2, "there is room for both");
}

#[test]
fn the_starter_s_ear_takes_nobody_s_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut wish = (*config(folder.path())).clone();
    let ear = sized(folder.path(), "ggml-small.bin", 1_500_000_000);
    let starter = ModelEntry { starter: true, ..sized(folder.path(), "ggml-starter.bin", 5_000_000) };
    wish.stt_model = Some(ear.path.clone());
    wish.spare.stt = vec![ear.clone(), starter];
    let mut planner = Planner::start(Box::new(Plug(Arc::new(AtomicBool::new(true))))).unwrap();
    assert_eq!(planner.choose(&Arc::new(wish), &Loaded::default(), &[]).config.stt_model, Some(ear.path));
}

#[test]
fn this_machine_has_a_plan() {
    let from = clock::now();
    let plan = plan_now(&test_config());
    println!("{plan:?} after {:?}", clock::now().since(from));
    assert!(plan.free_bytes.is_some() && plan.need_bytes > 0);
}
