//! Engines that gave their memory back and are needed again, with real threads and fakes.

use super::switching_run_tests::{Machine, Rig, notices, start};
use super::switching_tests::{installed, with_chat};
use crate::config::{Config, Spare, VoiceChoice, test_config};
use crate::error::Stage;
use crate::event::Event;
use crate::models::store;
use crate::on_time::on_time;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

const UNLOAD_AFTER: Duration = Duration::from_millis(150);

/// A file of this length, which takes no room on the disk.
fn sized(folder: &Path, name: &str, bytes: u64) -> PathBuf {
    let path = folder.join(name);
    std::fs::File::create(&path).unwrap().set_len(bytes).unwrap();
    path
}

fn in_use(events: &[Event]) -> Option<&Path> {
    events.iter().rev().find_map(|e| if let Event::InUse(Stage::Llm, file) = e { file.as_deref() } else { None })
}

fn asked_after_a_while(rig: &Rig) -> (bool, Vec<Event>) {
    std::thread::sleep(UNLOAD_AFTER * 4);
    let (answer, timing, events) = rig.ask("And now?");
    (!answer.is_empty() && timing.cached_tokens > 0, events)
}

#[test]
fn a_turn_after_a_while_gets_what_fits_then_and_knows_what_was_said() {
    on_time(|| {
        let folder = tempfile::tempdir().unwrap();
        let (large, small) = (sized(folder.path(), "large.gguf", 4_000_000_000), sized(folder.path(), "small.gguf", 300_000_000));
        let chat = [&large, &small].map(|file| store::entry(file)).into();
        let config = Config {
            chat_model: Some(large.clone()),
            voice: VoiceChoice::Espeak("en-us".to_owned()),
            spare: Spare { chat, ..Spare::default() },
            unload_after: Some(UNLOAD_AFTER),
            ..test_config()
        };
        let machine = Machine::default();
        machine.free.store(20_000, Ordering::Relaxed);
        let rig = start(config, &machine, |_, _, _| Ok(()));
        rig.ask("First?");
        // As long as there is room, nobody notices anything.
        let (knows, events) = asked_after_a_while(&rig);
        assert!(knows && notices(&events).is_empty() && in_use(&events).is_none(), "{events:#?}");
        // Another program took the memory meanwhile.
        machine.free.store(2_900, Ordering::Relaxed);
        let (knows, events) = asked_after_a_while(&rig);
        let said = notices(&events);
        assert!(knows && said.len() == 1 && said[0].contains("the smaller chat model small"), "{said:?}");
        assert_eq!(in_use(&events), Some(small.as_path()));
        // And it ended.
        machine.free.store(20_000, Ordering::Relaxed);
        let (knows, events) = asked_after_a_while(&rig);
        assert!(knows && notices(&events).is_empty(), "{events:#?}");
        assert_eq!(in_use(&events), Some(large.as_path()));
    });
}

#[test]
fn a_choice_that_failed_is_not_tried_again_because_the_engine_that_works_slept() {
    on_time(|| {
        let sleepy = |config: Config| Config { unload_after: Some(UNLOAD_AFTER), ..config };
        let rig = start(sleepy(installed()), &Machine::default(), |_, _, _| Ok(()));
        rig.ask("First?");
        let (events, used) = rig.switch(sleepy(with_chat("broken")), Stage::Llm);
        assert_eq!((notices(&events).len(), used), (1, Some("fake/one".into())));
        for _ in 0..2 {
            let (knows, events) = asked_after_a_while(&rig);
            assert!(knows && notices(&events).is_empty() && in_use(&events).is_none(), "{events:#?}");
        }
    });
}
