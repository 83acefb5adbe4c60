use super::*;

fn part() -> Resume {
    Resume { from: 100, validator: "\"a\"".into(), etag: Some("\"a\"".into()), last_modified: Some("Mon".into()), total: Some(300) }
}

fn head(status: u16) -> Head {
    Head { status, ..Head::default() }
}

#[test]
fn content_ranges_are_read_and_nonsense_is_none() {
    for (text, expected) in [
        ("bytes 100-299/300", Some((Some(100), Some(300)))),
        (" bytes  100-299 / 300 ", Some((Some(100), Some(300)))),
        ("bytes 100-299/*", Some((Some(100), None))),
        ("bytes */300", Some((None, Some(300)))),
        ("bytes 100-300/300", None),
        ("bytes 7-3/300", None),
        ("bytes -3/300", None),
        ("bytes 100-299", None),
        ("lines 1-2/3", None),
        ("bytes 99999999999999999999-1/2", None),
        ("", None),
    ] {
        assert_eq!(content_range(text), expected, "{text}");
    }
}

#[test]
fn the_rest_is_appended_only_when_it_is_the_rest_of_the_same_file() {
    let good = Head { range: Some((Some(100), Some(300))), length: Some(200), ..head(206) };
    assert_eq!(decide(&good, Some(&part()), Some(300)), Next::Append { total: 300 });
    let unknown = Head { range: Some((Some(100), None)), ..good.clone() };
    assert_eq!(decide(&unknown, Some(&part()), None), Next::Append { total: 300 });
    for other in [
        Head { range: Some((Some(99), Some(300))), ..good.clone() },
        Head { range: Some((Some(100), Some(301))), ..good.clone() },
        Head { range: None, ..good.clone() },
        Head { range: Some((None, Some(300))), ..good.clone() },
        Head { etag: Some("\"b\"".into()), ..good.clone() },
        Head { last_modified: Some("Tue".into()), ..good.clone() },
        Head { range: Some((Some(100), None)), length: None, ..good },
    ] {
        assert_eq!(decide(&other, Some(&part()), None), Next::Again, "{other:?}");
    }
}

#[test]
fn a_server_that_ignores_the_range_starts_anew() {
    let whole = Head { length: Some(300), ..head(200) };
    assert_eq!(decide(&whole, Some(&part()), Some(300)), Next::Anew { total: Some(300) });
    assert_eq!(decide(&head(200), None, Some(300)), Next::Anew { total: None });
    // Nobody asked for a piece.
    assert_eq!(decide(&Head { range: Some((Some(0), Some(300))), ..head(206) }, None, None), Next::No);
}

#[test]
fn nothing_left_to_send_means_whole_or_another_file() {
    let answer = |total| Head { range: total, ..head(416) };
    assert_eq!(decide(&answer(Some((None, Some(100)))), Some(&part()), None), Next::Whole);
    assert_eq!(decide(&answer(Some((None, Some(50)))), Some(&part()), None), Next::Again);
    assert_eq!(decide(&answer(None), Some(&part()), None), Next::Again);
    assert_eq!(decide(&answer(None), None, None), Next::No);
}

#[test]
fn what_is_not_the_file_is_refused_before_a_byte_is_kept() {
    let wrong = |head: Head| matches!(decide(&head, None, Some(300)), Next::Wrong(why) if !why.is_empty());
    assert!(wrong(Head { length: Some(299), ..head(200) }));
    assert!(wrong(Head { encoding: Some("gzip".into()), ..head(200) }));
    assert!(wrong(Head { kind: Some("text/html".into()), length: Some(300), ..head(200) }));
    assert_eq!(decide(&Head { length: Some(299), ..head(200) }, None, None), Next::Anew { total: Some(299) });
}

#[test]
fn statuses_are_for_ever_or_for_a_moment() {
    for (status, next) in [
        (404, Next::NotThere),
        (410, Next::NotThere),
        (429, Next::Later),
        (500, Next::Later),
        (503, Next::Later),
        (401, Next::No),
        (403, Next::No),
        (204, Next::No),
        (302, Next::No),
        (999, Next::No),
    ] {
        assert_eq!(decide(&head(status), Some(&part()), None), next, "{status}");
    }
}
