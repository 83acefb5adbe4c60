#![no_main]
use hark_fuzz::models::fetch::message::{Line, Message, Request, read_line};
use hark_fuzz::models::fetch::part::Part;
use hark_fuzz::models::fetch::resume::{Head, Next, content_range, decide};
use hark_fuzz::place;

const LIMIT: usize = 512;
const ADDRESS: &str = "https://host.test/m.gguf";

/// What parent and child say to each other.
fn lines(mut input: &[u8]) {
    let all = input.len();
    let mut kept = 0;
    loop {
        match read_line(&mut input, LIMIT).expect("memory can be read") {
            Line::End => break,
            Line::TooLong => kept += LIMIT,
            Line::Whole(line) => {
                assert!(line.len() <= LIMIT && !line.contains(&b'\n'));
                kept += line.len();
                if let Ok(message) = serde_json::from_slice::<Message>(&line) {
                    let again = serde_json::to_string(&message).expect("it can be written");
                    assert!(!again.contains('\n') && serde_json::from_str::<Message>(&again).is_ok(), "{again}");
                }
                if let Ok(request) = serde_json::from_slice::<Request>(&line) {
                    let again = serde_json::to_vec(&request).expect("it can be written");
                    assert_eq!(serde_json::from_slice::<Request>(&again).ok(), Some(request));
                }
            }
        }
    }
    assert!(kept <= all);
}

/// What a server says about a part that is there, by the note that lies beside it. Lines: status, range, length, the size that is
/// required, etag, date, kind; then the note.
fn answer(text: &str) {
    let mut lines = text.splitn(8, '\n');
    let mut next = || lines.next().filter(|line| !line.is_empty());
    let head = Head {
        status: next().and_then(|line| line.parse().ok()).unwrap_or(206),
        range: next().and_then(content_range),
        length: next().and_then(|line| line.parse().ok()),
        ..Head::default()
    };
    let required: Option<u64> = next().and_then(|line| line.parse().ok());
    let mut word = || next().map(str::to_owned);
    let head = Head { etag: word(), last_modified: word(), kind: word(), ..head };
    if let Some((Some(from), Some(total))) = head.range {
        assert!(from < total);
    }
    place::put("m.gguf.part", [7; 100]);
    place::put("m.gguf.part.toml", next().unwrap_or_default());
    let part = Part::open(place::folder(), "m.gguf", &mut |_| true).expect("it can be read").expect("nobody said no");
    let resume = part.resume(ADDRESS);
    if let Some(resume) = &resume {
        assert_eq!(resume.from, 100);
        // Else no request could be made, today or ever.
        assert!(resume.validator.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{resume:?}");
    }
    let from = resume.as_ref().map(|resume| resume.from);
    match decide(&head, resume.as_ref(), required) {
        Next::Anew { total } => assert!(head.status == 200 && (total.is_none() || required.is_none() || total == required)),
        Next::Append { total } => {
            assert!(head.status == 206 && from.is_some_and(|from| total >= from));
            assert!(required.is_none_or(|required| required == total));
        }
        Next::Whole => assert_eq!(head.range.and_then(|range| range.1), from),
        Next::Wrong(why) => assert!(!why.is_empty()),
        Next::Again | Next::NotThere | Next::Later | Next::No => {}
    }
}

// First byte: which of the two.
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    match input.split_first() {
        Some((0, rest)) => lines(rest),
        Some((_, rest)) => answer(&String::from_utf8_lossy(rest)),
        None => {}
    }
});
