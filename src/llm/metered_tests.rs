//! Templates that would take all memory or all time, and those that must go on working.

use super::template::{Form, Template};
use std::time::{Duration, Instant};

const CHATML: &str = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}";

/// A template that works until a conversation has five answers, and then does this.
fn late(trap: &str) -> String {
    format!("{{% if messages|length > 9 %}}{trap}{{% endif %}}{CHATML}")
}

/// Rendered for more turns than are tried at its load, without its being tried.
fn form(source: &str) -> Form {
    Template::new(Some(source), "<s>", "</s>", true).form()
}

/// Ways to make much of little, each with one name (`x`) that grows in each of some steps.
fn traps() -> Vec<String> {
    let grown = |step: &str| {
        format!("{{% set ns = namespace(x='a'*9000) %}}{{% for i in range(60) %}}{{% set ns.x = {step} %}}{{% endfor %}}{{{{ ns.x }}}}")
    };
    let listed = |step: &str| {
        format!(
            "{{% set ns = namespace(x=[1]*9000) %}}{{% for i in range(60) %}}{{% set ns.x = {step} %}}{{% endfor %}}{{{{ ns.x|length }}}}"
        )
    };
    let mut all: Vec<String> = [
        "ns.x ~ ns.x",
        "ns.x + ns.x",
        "ns.x * 2",
        "2 * ns.x",
        "[ns.x, ns.x]|join",
        "''.join([ns.x, ns.x])",
        "ns.x.join(['b', 'c', 'd'])",
        "ns.x|replace('a', 'aa')",
        "ns.x.replace('a', 'aa')",
        "ns.x|replace('', 'a')",
        "'%s%s'|format(ns.x, ns.x)",
        "'%(a)s%(a)s'|format(a=ns.x)",
        "'{0}{0}'.format(ns.x)",
        "'{x}{x}'.format(x=ns.x)",
        "[ns.x, ns.x]|string",
        "[ns.x, ns.x]|tojson",
        "{'a': ns.x, 'b': ns.x}|tojson(indent=4)",
        "[ns.x, ns.x]|map('string')|join",
        "(ns.x|list + ns.x|list)|join",
        "ns.x|indent(ns.x|length, true)",
        "ns.x[:] ~ ns.x[::-1]",
        "dict(a=ns.x, b=ns.x)|string",
        "ns.x|escape ~ ns.x|escape",
    ]
    .map(grown)
    .into();
    all.extend(
        [
            "ns.x + ns.x",
            "ns.x * 2",
            "[ns.x, ns.x]",
            "(ns.x, ns.x)",
            "(ns.x|list + ns.x|list)|list",
            "ns.x[:] + ns.x[:]",
            "ns.x|batch(9000000, 'x')|list",
            "ns.x|slice(9000000, 'x')|list",
            "ns.x|reverse|list + ns.x|sort",
            "{'a': ns.x, 'b': ns.x}",
            "dict(a=ns.x, b=ns.x)",
            "ns.x|zip(ns.x, ns.x)|list + ns.x",
            "ns.x|map('string')|list + ns.x",
        ]
        .map(listed),
    );
    all.extend(
        [
            // While it is compiled.
            "{{ 'a' * 100000000 ~ 'a' * 100000000 ~ 'a' * 100000000 ~ 'a' * 100000000 }}",
            "{{ (1, 2) * 50000000 }}{{ (1, 2) * 50000000 }}",
            // In one step.
            "{{ '%99999999999s'|format('a') }}",
            "{{ '%.99999999999f'|format(1.5) }}",
            "{{ '{:>99999999999}'.format('a') }}",
            "{{ ['%99999999999s']|map('format', 'a')|list }}",
            "{{ 'a'|indent(9999999999, true) }}",
            "{{ [1]|tojson(indent=9999999999) }}",
            "{{ [[1]]|tojson(9999999999) }}",
            "{{ ['a\nb']|map('indent', 9999999999, true)|list }}",
            "{{ range(100000)|map('replace', '', 'a' * 9000)|list }}",
            "{{ strftime_now('%99999999999Y') }}",
            // Text of the template, again and again.
            "{% for a in range(100000) %}{% for b in range(100000) %}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{% endfor %}{% endfor %}",
            "{% set ns = namespace(x='a') %}{% for i in range(60) %}{% set x %}{{ ns.x }}{{ ns.x }}{% endset %}{% set ns.x = x %}{% endfor %}",
            "{% macro m(x, n) %}{% if n %}{{ m(x ~ x, n - 1) }}{% else %}{{ x }}{% endif %}{% endmacro %}{{ m('a' * 9000, 40) }}",
            "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}aaaaaaaaaaaaaaaa{% endmacro %}{{ m(60) }}",
            "{% set f = dict %}{% set ns = namespace(x={'a': 'b' * 9000}) %}{% for i in range(60) %}{% set ns.x = f(a=ns.x, b=ns.x) %}{% endfor %}{{ ns.x }}",
            "{% set ns = namespace(x=1) %}{% set ns.f = dict %}{% for i in range(60) %}{% set ns.x = ns.f(a=ns.x, b=ns.x) %}{% endfor %}{{ ns.x }}",
            // Deep, so that dropping or walking it overflows the stack.
            "{% set ns = namespace(x=[]) %}{% for i in range(90000) %}{% set ns.x = [ns.x] %}{% endfor %}",
            "{% set ns = namespace(x=[]) %}{% for i in range(90000) %}{% set ns.x = {'a': ns.x} %}{% endfor %}",
            "{% set ns = namespace(x=[1]) %}{% for i in range(20000) %}{% set ns.x = ns.x[0:] %}{% endfor %}{{ ns.x|list }}",
            "{% set ns = namespace(x={}) %}{% for i in range(20000) %}{% set ns.x = ns.x|chain({}) %}{% endfor %}{{ ns.x }}",
            "{% set ns = namespace() %}{% for i in range(90000) %}{% set n = namespace() %}{% set n.x = ns.x %}{% set ns.x = n %}{% endfor %}",
            "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}",
            "{% set ns = namespace() %}{% set ns.x = [ns] %}{{ ns == ns }}",
            // Long in one instruction.
            "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x * 2 %}{% endfor %}{{ 2 in ns.x }}",
            "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}",
            "{% for a in range(100000) %}{% if 100000 in range(100000) %}{% endif %}{% endfor %}",
            // What is not metered is not taken.
            "{{ dict(*[1]) }}",
            "{{ debug() }}",
            "{{ messages|pprint }}",
            "{% for m in messages recursive %}{{ loop(messages) }}{% endfor %}",
            "{% set a, b = range(100000) * 1000 %}",
        ]
        .map(str::to_owned),
    );
    all
}

#[test]
fn no_template_takes_the_memory_or_the_time() {
    for trap in traps() {
        let began = Instant::now();
        assert_eq!(form(&late(&trap)), Form::ChatMl, "{trap}");
        // Minutes or never, without the meter. A busy machine may have ten times as much to do.
        assert!(began.elapsed() < Duration::from_secs(30), "{trap} took {:?}", began.elapsed());
    }
}

/// The one that ended the program under a limit of 12 GB: a backtrace from `string_concat`, and code 134.
#[test]
#[cfg(target_os = "linux")]
fn under_a_limit_of_memory_the_program_goes_on() {
    const ALONE: &str = "HARK_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "llm::metered_tests::under_a_limit_of_memory_the_program_goes_on"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let gibi = Some(1 << 30);
    rustix::process::setrlimit(rustix::process::Resource::Data, rustix::process::Rlimit { current: gibi, maximum: gibi }).unwrap();
    let reviewed = "{% set ns = namespace(x='a'*9000) %}{% for i in range(30) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}";
    let source = format!("{{% if messages|length > 5 %}}{reviewed}{{% endif %}}{CHATML}");
    assert_eq!(form(&source), Form::ChatMl);
    for trap in traps() {
        assert_eq!(form(&late(&trap)), Form::ChatMl, "{trap}");
    }
    // One that waits for longer than it was tried, and for a turn of this conversation: its turn fails, and nothing else.
    let source = format!("{{% if messages|length > 301 %}}{reviewed}{{% endif %}}{CHATML}");
    let template = Template::new(Some(&source), "<s>", "</s>", true);
    assert_eq!(template.form(), Form::Own);
    assert!(template.render(true, 100).is_ok() && template.render(true, 200).is_err());
}
