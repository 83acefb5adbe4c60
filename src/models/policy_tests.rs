//! Which model is used when memory is short, and what a battery changes.

use super::*;
use proptest::prelude::*;

const GB: u64 = 1_000_000_000;
const MB: u64 = 1_000_000;

fn model(name: &str, bytes: u64) -> Model {
    Model { path: format!("/models/{name}.bin").into(), name: name.to_owned(), bytes }
}

/// Speech 150 MB, chat 2 GB with a 0.8 GB and a 0.1 GB one beside it, a voice of 60 MB.
fn wishes() -> Wishes {
    let chat = [model("large", 2 * GB), model("middle", 800 * MB), model("starter", 100 * MB)];
    let stt = [model("base", 150 * MB), model("tiny", 75 * MB)];
    Wishes {
        stt: Choice { wished: Some(stt[0].clone()), others: stt.to_vec() },
        chat: Choice { wished: Some(chat[0].clone()), others: chat.to_vec() },
        voice_bytes: 60 * MB,
        context_tokens: 2048,
        stt_threads: 3,
        chat_threads: 0,
        unload_after: None,
        fit_memory: true,
        save_on_battery: true,
    }
}

fn free(bytes: u64) -> Reading {
    Reading { free_bytes: Some(bytes), ours_bytes: 0, power: None, cores: 4 }
}

fn chat_of(plan: &Plan) -> &str {
    plan.chat.as_deref().and_then(|path| path.file_stem()).and_then(|name| name.to_str()).unwrap_or("none")
}

#[test]
fn with_enough_memory_all_is_as_wished_and_nothing_is_said() {
    let plan = plan(&wishes(), &free(16 * GB));
    assert_eq!((chat_of(&plan), plan.stt_threads, plan.chat_threads, plan.speculate), ("large", 3, 0, true));
    assert_eq!(plan.reasons, []);
    assert!(plan.need_bytes > 2 * GB && plan.need_bytes < 4 * GB, "{}", plan.need_bytes);
}

#[test]
fn a_model_that_would_leave_less_than_2_gb_gives_way_to_the_next_smaller_one_and_it_is_said() {
    let middle = plan(&wishes(), &free(4 * GB));
    assert_eq!(chat_of(&middle), "middle");
    assert_eq!(middle.stt, Some("/models/base.bin".into()), "the larger one gave way");
    assert_eq!(middle.reasons.len(), 1, "{:?}", middle.reasons);
    let said = middle.reasons[0].sentence();
    assert_eq!(said, "large needs about 2.3 GB of the 4.0 GB of memory that are free, so the smaller chat model middle is used.");
    let starter = plan(&wishes(), &free(1_600 * MB));
    assert_eq!((chat_of(&starter), starter.stt.clone()), ("starter", Some("/models/tiny.bin".into())));
    let said: Vec<String> = starter.reasons.iter().map(Reason::sentence).collect();
    assert_eq!(said[1], "Only 1.6 GB of memory are free, so the smaller chat model starter is used instead of large.");
    assert!(said[2].starts_with("The models need about "), "even the smallest leave less than 2 GB: {said:?}");
}

#[test]
fn the_settings_and_the_command_line_go_before_memory() {
    let tight = |wishes: &Wishes| {
        let plan = plan(wishes, &free(3 * GB));
        assert_eq!(chat_of(&plan), "large");
        assert!(matches!(plan.reasons.as_slice(), [Reason::Tight { .. }]), "{:?}", plan.reasons);
    };
    tight(&Wishes { fit_memory: false, ..wishes() });
    let mut named = wishes();
    (named.stt.others, named.chat.others) = (Vec::new(), Vec::new());
    tight(&named);
}

#[test]
fn where_the_system_says_nothing_about_memory_nothing_is_decided_by_it() {
    let plan = plan(&wishes(), &Reading { free_bytes: None, ..free(0) });
    assert_eq!((chat_of(&plan), plan.reasons.len()), ("large", 0));
}

#[test]
fn what_our_own_engines_hold_counts_as_free_for_what_comes_after_them() {
    let reading = Reading { ours_bytes: 3 * GB, ..free(2 * GB) };
    assert_eq!(chat_of(&plan(&wishes(), &reading)), "large");
    assert!(!beside(2 * GB, Some(2 * GB)) && beside(GB, Some(2 * GB)) && beside(GB, None));
}

#[test]
fn on_battery_half_of_the_threads_work_and_nothing_is_guessed() {
    let on = |power, wishes: &Wishes| plan(wishes, &Reading { power, ..free(16 * GB) });
    let battery = on(Some(Power::Battery), &wishes());
    // Not measured: on four cores three are usual.
    assert_eq!((battery.stt_threads, battery.chat_threads, battery.speculate), (1, 1, false));
    assert_eq!(
        battery.reasons[0].sentence(),
        "On battery hearing uses 1 thread and thinking 1 thread, and nothing is computed ahead of your words."
    );
    let fixed = on(Some(Power::Battery), &Wishes { stt_threads: 1, chat_threads: 8, ..wishes() });
    assert_eq!((fixed.stt_threads, fixed.chat_threads), (1, 4));
    let ignored = on(Some(Power::Battery), &Wishes { save_on_battery: false, ..wishes() });
    assert_eq!((ignored.stt_threads, ignored.chat_threads, ignored.speculate), (3, 0, true));
    assert_eq!(ignored.reasons, [Reason::BatteryIgnored]);
    for power in [None, Some(Power::Mains)] {
        assert_eq!(on(power, &wishes()).reasons, []);
    }
    // The plug comes back: everything is as before, and the models are the same.
    let reading = Reading { power: Some(Power::Mains), ..free(0) };
    assert_eq!(with_power(battery, &wishes(), &reading), on(Some(Power::Mains), &wishes()));
}

#[test]
fn a_1b_model_needs_about_what_was_measured() {
    let need = need(ModelKind::Chat, 773 * MB, 2048);
    assert!(need > 850 * MB && need < 1_000 * MB, "{need}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is installed and free: a model is only replaced by a smaller one, and only when memory is short; more free
    /// memory never gives a smaller model; and every difference to the wish has its sentence.
    #[test]
    fn memory_only_ever_makes_models_smaller(
        chat in prop::collection::vec(1_u64..9_000, 0..6), stt in prop::collection::vec(1_u64..3_000, 0..6),
        less in 0_u64..16_000, more in 0_u64..16_000, fit_memory: bool,
    ) {
        let choice = |sizes: &[u64]| {
            let models: Vec<Model> = sizes.iter().enumerate().map(|(i, mb)| model(&format!("m{i}"), mb * MB)).collect();
            Choice { wished: models.first().cloned(), others: models }
        };
        let wishes = Wishes { chat: choice(&chat), stt: choice(&stt), fit_memory, ..wishes() };
        let at = |mb: u64| plan(&wishes, &free(mb * MB));
        let bytes = |choice: &Choice, path: &Option<PathBuf>| choice.others.iter().find(|m| Some(&m.path) == path.as_ref()).map(|m| m.bytes);
        let (low, high) = (at(less), at(less + more));
        for (choice, low, high) in [(&wishes.chat, &low.chat, &high.chat), (&wishes.stt, &low.stt, &high.stt)] {
            let wished = choice.wished.as_ref().map(|m| m.bytes);
            prop_assert!(bytes(choice, low) <= bytes(choice, high) && bytes(choice, high) <= wished);
            prop_assert_eq!(low.is_some(), wished.is_some());
        }
        if !fit_memory {
            prop_assert_eq!(&low.chat, &wishes.chat.wished.as_ref().map(|m| m.path.clone()));
        }
        let differs = |p: &Plan| usize::from(p.chat != wishes.chat.wished.as_ref().map(|m| m.path.clone()))
            + usize::from(p.stt != wishes.stt.wished.as_ref().map(|m| m.path.clone()));
        for plan in [&low, &high] {
            let said = plan.reasons.iter().filter(|r| matches!(r, Reason::Smaller { .. })).count();
            prop_assert_eq!(said, differs(plan));
            let short = plan.free_bytes.unwrap_or(0) < plan.need_bytes + KEEP_FREE;
            prop_assert_eq!(short, plan.reasons.iter().any(|r| matches!(r, Reason::Tight { .. })));
            prop_assert!(plan.reasons.iter().all(|r| r.sentence().ends_with('.')));
        }
    }
}
