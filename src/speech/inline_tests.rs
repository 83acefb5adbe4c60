//! What is left of a line of Markdown.

use super::super::markdown::{Item, Markdown};

/// Text with breaks as ` / `, blanks collapsed, whole and by character.
fn plain(text: &str) -> String {
    let read = |chunks: Vec<&str>| {
        let (mut markdown, mut items) = (Markdown::default(), Vec::new());
        for chunk in chunks {
            markdown.push(chunk, &mut items);
        }
        markdown.finish(&mut items);
        items
    };
    let items = read(vec![text]);
    assert_eq!(read(text.split_inclusive(|_| true).collect()), items, "by character: {text:?}");
    let mut last = 0;
    let mut plain = String::new();
    for item in items {
        match item {
            Item::Char { c, start, end } => {
                assert!(start >= last && end >= start && text.get(start..end).is_some(), "{text:?} {start}..{end}");
                last = start;
                plain.push(c);
            }
            Item::Break(at) => {
                assert!(at >= last && text.is_char_boundary(at), "{text:?} {at}");
                plain.push('\u{0}');
            }
        }
    }
    let lines: Vec<String> =
        plain.split('\u{0}').map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|l| !l.is_empty()).collect();
    lines.join(" / ")
}

#[test]
fn marks_are_dropped_and_words_stay() {
    for (markdown, expected) in [
        ("**bold** and *it* and ***both*** and __b__ and _i_ and ~~gone~~", "bold and it and both and b and i and gone"),
        ("snake_case and 3 * 4 and 2*3 and ~5", "snake_case and 3 × 4 and 2×3 and ~5"),
        ("# Title\ntext\n## Next ##\n- one\n- **two**\n", "Title / text / Next ## / one / two"),
        ("* a\n+ b\n• c\n  - d\n- [ ] e\n- [x] f", "a / b / c / d / e / f"),
        ("1. First\n2) Second\n10. Tenth\n3.5 kg", "1, First / 2, Second / 10, Tenth / 3.5 kg"),
        ("[text](http://x.com/a_(b)) ![alt](i.png) [r][1] <https://y.org> [^1] [2].", "text alt r https://y.org ."),
        ("<b>bold</b><br>next<p class=\"x\">para</p> a < b <3 x<y", "bold / next / para / a < b <3 x<y"),
        ("Hi<|im_end|><|endoftext|></s>[INST] x [/INST]<｜end▁of▁sentence｜>", "Hi x"),
        ("a\n```rust\nfn main() { let x = \"`\"; }\n```\nb", "a / b"),
        ("a\n\n~~~\nno\n```\nno\n~~~\nb\n```\nnever closed", "a / b"),
        ("Use `cargo build` or `Vec<u8>` or `foo()` or ``a`b`` now `open", "Use cargo build or or foo or now open"),
        ("| Name | Age |\n|:---|---:|\n| Ann | 31 |\n| Bob | 27 |\n", "Name , Age / Ann , 31 / Bob , 27"),
        ("a\n---\nb\n***\nc\n===\nd", "a / b / c / d"),
        ("> quoted\n> more\n\nend", "quoted more / end"),
        ("wrapped by\nthe writer\nNew line", "wrapped by the writer / New line"),
        ("open **bold and [link and `code and <b", "open bold and link and code and <b"),
        ("a &amp; b &lt; c AT&T \\*x\\* 5\\% \\(y\\) $$\\frac{1}{2}$$ \\[z = 1\\] $$$", "a & b < c AT&T x 5% y $"),
        ("\u{1b}[31mred\u{1b}[0m \u{200b}zero\u{feff} bell\u{7}", "red zero bell"),
        ("🎉 Party 👨‍👩‍👧 time 1️⃣ ❤️", "Party time 1"),
        ("text <!-- not\nthis --> more <script>x()</script>end", "text more end"),
        ("a\n`````\n```\nno\n`````\nb", "a / b"),
        ("<|a |> <a b! c=d> <br / > <a href='x'>y</a>", "a , > <a b! c=d> <br / > y"),
        ("http://a.b/c_d_e*f* and www.x.org/_y_", "http://a.b/c_d_ef and www.x.org/_y_"),
    ] {
        assert_eq!(plain(markdown), expected, "{markdown:?}");
    }
}
