//! Long texts are cut before an engine sees them.

/// Cuts a text into parts of at most `max` by `measure` (bytes or characters), at blanks where there are any.
pub(super) fn split(text: &str, max: usize, measure: fn(&str) -> usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        // The start of the rest that is sure to hold `max`, so that a text of 1 MB is not measured anew for each part.
        let head = rest.get(..rest.floor_char_boundary(max * 4 + 4)).unwrap_or(rest);
        if measure(head) <= max {
            rest = rest.get(head.len()..).unwrap_or("");
            return Some(head);
        }
        let fits = |end: &usize| head.get(..*end).is_some_and(|part| measure(part) <= max);
        let longest = head.char_indices().map(|(at, _)| at).take_while(fits).last().unwrap_or(0);
        let blank = head.get(..longest).and_then(|part| part.rfind(char::is_whitespace)).filter(|at| *at > longest / 2);
        let first = head.chars().next().map_or(1, char::len_utf8);
        let (part, after) = rest.split_at(blank.unwrap_or(longest).max(first));
        rest = after;
        Some(part)
    })
}
