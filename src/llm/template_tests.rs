//! Templates in the forms that the well-known model families use.

use super::*;

/// The prompt as text, with names instead of the contents.
fn shown(template: &Template, system: bool, answered: usize) -> String {
    template
        .render(system, answered)
        .unwrap()
        .into_iter()
        .map(|piece| match piece {
            Piece::Marks(text) => text,
            Piece::System => "SYS".to_owned(),
            Piece::User(n) => format!("U{n}"),
            Piece::Answer(n) => format!("A{n}"),
        })
        .collect()
}

#[test]
fn chatml_style() {
    let source = "{% for message in messages %}\n    {% if loop.first and messages[0]['role'] != 'system' %}\n\
        {{ '<|im_start|>system\\nDefault<|im_end|>\\n' }}{% endif %}\n\
        {{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}\
        {% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
    let template = Template::new(Some(source), "<s>", "</s>", true);
    assert_eq!(template.form(), Form::Own);
    assert_eq!(
        shown(&template, true, 1),
        "<|im_start|>system\nSYS<|im_end|>\n<|im_start|>user\nU0<|im_end|>\n<|im_start|>assistant\nA0<|im_end|>\n\
         <|im_start|>user\nU1<|im_end|>\n<|im_start|>assistant\n"
    );
    assert!(shown(&template, false, 0).starts_with("<|im_start|>system\nDefault"));
    assert!(template.stops().is_empty());
}

#[test]
fn thinking_style_is_told_not_to_think() {
    // As Qwen 3: namespace, reverse slices, string methods, thinking cut out of the history.
    let source = "{%- set ns = namespace(last=messages|length - 1) %}\n{%- for message in messages[::-1] %}\n\
        {%- if message.role == 'user' and not message.content.startswith('<tool>') %}{%- set ns.seen = true %}{%- endif %}\n{%- endfor %}\n\
        {%- for message in messages %}\n{%- set content = message.content %}\n{%- if '</think>' in content %}\
        {%- set content = content.split('</think>')[-1].lstrip('\\n') %}{%- endif %}\n\
        {{- '<|im_start|>' + message.role + '\\n' + content.strip() + '<|im_end|>\\n' }}\n{%- endfor %}\n\
        {%- if tools is not none %}{{- raise_exception('no tools here') }}{%- endif %}\n\
        {%- if add_generation_prompt %}\n{{- '<|im_start|>assistant\\n' }}\n\
        {%- if enable_thinking is defined and enable_thinking is false %}\n{{- '<think>\\n\\n</think>\\n\\n' }}\n{%- endif %}\n{%- endif %}";
    let template = Template::new(Some(source), "", "", true);
    assert_eq!(template.form(), Form::Own);
    assert_eq!(
        shown(&template, true, 1),
        "<|im_start|>system\nSYS<|im_end|>\n<|im_start|>user\nU0<|im_end|>\n<|im_start|>assistant\nA0<|im_end|>\n\
         <|im_start|>user\nU1<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
    );
}

#[test]
fn llama3_style_with_a_date() {
    let source = "{{- bos_token }}\n{%- if strftime_now is defined %}{%- set day = strftime_now('%Y') %}{%- endif %}\n\
        {%- for m in messages %}{{- '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] | trim + '<|eot_id|>' }}{%- endfor %}\
        {%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' + day }}{%- endif %}";
    let template = Template::new(Some(source), "<|begin_of_text|>", "<|eot_id|>", false);
    let text = shown(&template, true, 0);
    assert!(text.starts_with(
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nSYS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nU0<|eot_id|>"
    ));
    assert!(text.ends_with("<|end_header_id|>\n\n") || text[text.len() - 4..].parse::<u32>().is_ok_and(|year| year >= 2025));
}

#[test]
fn gemma_style_has_no_system_role() {
    let source = "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}\
        {% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('must alternate') }}{% endif %}\
        {% if message['role'] == 'assistant' %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}\
        {{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}\
        {% if add_generation_prompt %}{{'<start_of_turn>model\\n'}}{% endif %}";
    let template = Template::new(Some(source), "<bos>", "<eos>", false);
    assert_eq!(template.form(), Form::Own);
    assert_eq!(
        shown(&template, true, 1),
        "<bos><start_of_turn>user\nSYS\n\nU0<end_of_turn>\n<start_of_turn>model\nA0<end_of_turn>\n<start_of_turn>user\nU1<end_of_turn>\n\
         <start_of_turn>model\n"
    );
}

#[test]
fn mistral_style_that_ignores_the_system_role() {
    let source = "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}\
        {% elif m['role'] == 'assistant' %}{{ ' ' + m['content'] + eos_token }}{% endif %}{% endfor %}";
    let template = Template::new(Some(source), "<s>", "</s>", false);
    assert_eq!(shown(&template, true, 1), "<s>[INST] SYS\n\nU0 [/INST] A0</s>[INST] U1 [/INST]");
}

#[test]
fn what_does_not_render_falls_back() {
    for broken in ["{% if %}", "{{ raise_exception('no') }}", "{{ messages[0].content.no_such_method() }}", "only marks"] {
        let template = Template::new(Some(broken), "", "", true);
        assert_eq!(template.form(), Form::ChatMl, "{broken}");
    }
    let endless = "{% for a in range(10000) %}{% for b in range(10000) %}{% for c in range(10000) %}{% endfor %}{% endfor %}{% endfor %}";
    assert_eq!(Template::new(Some(endless), "", "", true).form(), Form::ChatMl);
    let plain = Template::new(None, "<s>", "</s>", false);
    assert_eq!(plain.form(), Form::Plain);
    assert_eq!(shown(&plain, true, 1), "SYS\n\nUser: U0\nAssistant:A0\nUser: U1\nAssistant:");
    assert!(plain.stops().contains(&"\nUser:"));
}

#[test]
fn generation_tags_vanish() {
    let source = "{% for m in messages %}{{ '<|' + m.role + '|>' }}{%- generation -%} {{ m.content }} {%- endgeneration -%} {% endfor %}";
    let template = Template::new(Some(source), "", "", false);
    assert_eq!(shown(&template, false, 0), "<|user|>U0");
}

#[test]
fn a_tag_that_is_never_opened_or_closed_is_no_fault_of_ours() {
    // Found by fuzzing.
    for source in ["\t%#{%}aml", "{%}", "{%", "%}", "{%%}", "{%}%}", "{{%}}{%-%}"] {
        assert_eq!(Template::new(Some(source), "", "", true).form(), Form::ChatMl, "{source}");
    }
}
