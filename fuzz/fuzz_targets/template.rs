#![no_main]
use hark_fuzz::llm::template::{Form, Piece, Template};

libfuzzer_sys::fuzz_target!(|input: (bool, &str)| {
    let (im_start, text) = input;
    let template = Template::new(Some(text), "<s>", "</s>", im_start);
    let pieces = template.render(true, 2);
    if template.form() != Form::Own {
        assert!(pieces.is_ok_and(|pieces| pieces.contains(&Piece::User(2))));
    }
});
