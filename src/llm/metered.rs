//! Chat templates under a meter. A template is a small program from a file: its instructions are counted by minijinja (fuel),
//! but one instruction may double a text, and thirty of them fill any memory. So each instruction that makes, shows, walks or
//! hands on a value gets a question before it, which looks at the values on the stack, takes what the result can need at most
//! from a budget, and ends the rendering when that is empty.
//!
//! Where: minijinja compiles, and [`compile`] puts `LoadConst(operation) CallFunction(ask) UnpackList` before each such
//! instruction; the values come back as they were, except that a lazy list comes back as a plain one, so that lazy lists
//! cannot be nested. What no chat template is known to use and what could not be asked for (recursive loops, inheritance,
//! unpacked arguments) is refused.
//!
//! The bound: [`Limits`] bytes, and what [`Limits`] instructions can hold without making a value (names of a loop, closures of
//! macros). Depth is bounded too, since a value is dropped by recursion.
//!
//! Cost, measured with 73 published templates: a conversation of ten turns is rendered in 0.06 to 0.9 ms (one took 4.7), the trial
//! at the load takes 1 to 33 ms. 69 of them render, as without the meter.

use minijinja::machinery::{CodeGenerator, Instruction, Instructions, Token, parse, tokenize};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Object, ObjectRepr, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The question, and a 1 that the compiler takes for a variable. No template can name them.
const ASK: &str = "hark:ask";
const ONE: &str = "hark_one_";
/// Longest template, bytes: the largest known one has 20 kB.
const MOST_SOURCE: usize = 256 << 10;
/// The compiler recurses over the operators of an expression and over `elif`.
const MOST_TOKENS_OF_A_TAG: usize = 2_000;
const MOST_ELIFS: usize = 300;
/// Values inside of one value, and how deep.
const MOST_PARTS: usize = 100_000;
const DEEPEST: usize = 24;
/// Bytes that a value in a list takes.
const SLOT: usize = 48;

/// What a rendering may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Instructions.
    pub(super) fuel: u64,
    /// Bytes of all values that it makes, thrown away or not.
    pub(super) bytes: usize,
    /// Values that are looked at.
    pub(super) looks: usize,
}

impl Limits {
    /// For so many messages; the 69 of 73 published templates that render stay within it at 100 turns.
    pub(super) fn of(messages: usize) -> Limits {
        let each = |base: usize, each: usize| base.saturating_add(messages.saturating_mul(each));
        Limits {
            fuel: u64::try_from(each(100_000, 2_000)).unwrap_or(u64::MAX),
            bytes: each(4 << 20, 16 << 10),
            looks: each(2_000_000, 20_000),
        }
    }
}

/// What is left of the limits.
#[derive(Debug, Default)]
pub(super) struct Meter {
    bytes: AtomicUsize,
    looks: AtomicUsize,
}

impl Meter {
    pub(super) fn fill(&self, limits: Limits) {
        self.bytes.store(limits.bytes, Ordering::Relaxed);
        self.looks.store(limits.looks, Ordering::Relaxed);
    }

    fn take(&self, bytes: usize) -> Result<(), Error> {
        take(&self.bytes, bytes, "the template needs too much memory")
    }
}

fn take(left: &AtomicUsize, amount: usize, otherwise: &'static str) -> Result<(), Error> {
    match left.load(Ordering::Relaxed).checked_sub(amount) {
        Some(rest) => {
            left.store(rest, Ordering::Relaxed);
            Ok(())
        }
        None => Err(refusal(otherwise)),
    }
}

fn refusal(reason: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason)
}

/// Gives the environment the meter, and takes away what prints the insides of the engine or nests without end.
pub(super) fn install(env: &mut Environment<'_>, meter: &Arc<Meter>) {
    env.add_global(ASK, Value::from_object(Ask(Arc::clone(meter))));
    env.add_global(ONE, 1);
    env.remove_global("debug");
    for filter in ["pprint", "chain"] {
        env.remove_filter(filter);
    }
}

/// A factor that is no constant for the compiler, which would work `'a' * 100000000` out while it compiles.
///
/// # Errors
/// When the template is no Jinja, or larger than any that is known.
pub(super) fn without_constant_factors(source: &str, syntax: &SyntaxConfig) -> Result<String, Error> {
    if source.len() > MOST_SOURCE {
        return Err(refusal("the template is too long"));
    }
    let mut out = String::with_capacity(source.len());
    let (mut done, mut in_tag, mut elifs) = (0, 0, 0);
    let mut operand = false;
    for token in tokenize(source, false, syntax.clone()) {
        let (token, span) = token?;
        in_tag += 1;
        match &token {
            Token::BlockStart | Token::VariableStart | Token::TemplateData(_) => in_tag = 0,
            Token::Ident("elif") => elifs += 1,
            // Behind an operand it is a factor; else it unpacks arguments, which `compile` refuses.
            Token::Mul if operand => {
                let end = span.end_offset as usize;
                out.push_str(source.get(done..end).unwrap_or_default());
                out.push_str(&format!(" {ONE} * "));
                done = end;
            }
            _ => {}
        }
        if in_tag > MOST_TOKENS_OF_A_TAG || elifs > MOST_ELIFS {
            return Err(refusal("the template has too long an expression"));
        }
        operand = !matches!(token, Token::ParenOpen | Token::Comma);
    }
    out.push_str(source.get(done..).unwrap_or_default());
    Ok(out)
}

/// Compiles a template so that it asks the meter.
///
/// # Errors
/// When it is no Jinja, or uses what cannot be metered.
pub(super) fn compile<'s>(name: &'s str, source: &'s str, syntax: &SyntaxConfig) -> Result<Instructions<'s>, Error> {
    let mut generator = CodeGenerator::new(name, source);
    generator.compile_stmt(&parse(source, name, syntax.clone())?);
    let (plain, blocks) = generator.finish();
    if !blocks.is_empty() {
        return Err(refusal("the template has blocks"));
    }
    let mut made = Instructions::new(name, source);
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(instruction) = plain.get(at) {
        let line = plain.get_line(at).and_then(|line| u16::try_from(line).ok()).unwrap_or(0);
        let mut instruction = instruction.clone();
        let mut first = None;
        let mut add = |instruction| first.get_or_insert(made.add_with_line(instruction, line)).to_owned();
        if let Instruction::EmitRaw(text) = instruction {
            add(Instruction::LoadConst(Value::from(text)));
            instruction = Instruction::Emit;
        }
        if let Some((operation, count)) = question(&instruction)? {
            let asked = u16::try_from(count + 1).map_err(|_| refusal("the template has too long an expression"))?;
            add(Instruction::LoadConst(Value::from(operation)));
            add(Instruction::CallFunction(ASK, Some(asked)));
            add(Instruction::UnpackList(count));
        }
        places.push(add(instruction));
        at += 1;
    }
    for at in 0.. {
        let Some(instruction) = made.get_mut(at) else { break };
        if let Instruction::Iterate(to)
        | Instruction::Jump(to)
        | Instruction::JumpIfFalse(to)
        | Instruction::JumpIfFalseOrPop(to)
        | Instruction::JumpIfTrueOrPop(to)
        | Instruction::BuildMacro(_, to, _) = instruction
        {
            // Behind the last one is the end, which has no instruction.
            *to = places.get(*to as usize).copied().unwrap_or(u32::MAX);
        }
    }
    Ok(made)
}

/// What is asked before an instruction: the operation, and how many values on the stack it concerns.
fn question<'a>(instruction: &Instruction<'a>) -> Result<Option<(&'a str, usize)>, Error> {
    use Instruction as I;
    const RECURSIVE: u8 = 2;
    let call = |name, count: Option<u16>| match count {
        Some(count) => Ok(Some((name, usize::from(count)))),
        None => Err(refusal("the template unpacks arguments")),
    };
    let asked = match *instruction {
        I::Emit => Some(("emit", 1)),
        I::StringConcat => Some(("~", 2)),
        I::Add => Some(("+", 2)),
        I::Mul => Some(("*", 2)),
        I::Eq | I::Ne | I::Gt | I::Gte | I::Lt | I::Lte | I::In | I::CompareAndPreserve(_) => Some(("compare", 2)),
        I::Slice => Some(("slice of", 4)),
        I::SetAttr(_) => Some(("set", 2)),
        I::BuildList(Some(count)) | I::BuildTuple(Some(count)) => Some(("build", count)),
        I::BuildMap(pairs) => Some(("build", 2 * pairs)),
        I::PushLoop(flags) if flags & RECURSIVE != 0 => return Err(refusal("the template has a recursive loop")),
        I::PushLoop(_) => Some(("loop", 1)),
        // These give back what they get, or a number.
        I::ApplyFilter("length" | "count" | "default" | "d" | "first", Some(_), _) | I::PerformTest(_, Some(1), _) => None,
        I::ApplyFilter(name, count, _) => call(name, count)?,
        I::PerformTest(_, count, _) => call("compare", count)?,
        I::CallMethod(name, count) => {
            call(name, count)?.map(|(name, count)| (METHODS.iter().find(|m| **m == name).map_or("call", |m| m), count))
        }
        I::CallFunction(_, count) | I::CallObject(count) => call("call", count)?,
        I::UnpackLists(_) | I::MergeKwargs(_) | I::BuildTuple(None) => return Err(refusal("the template unpacks arguments")),
        I::FastRecurse | I::PushAutoEscape | I::FastSuper | I::CallBlock(_) | I::LoadBlocks | I::Include(_) | I::ExportLocals => {
            return Err(refusal("the template includes others, or escapes"));
        }
        _ => None,
    };
    Ok(asked.filter(|(_, count)| *count > 0))
}

/// Methods of texts that make more than a changed copy. All others are asked for as calls.
const METHODS: [&str; 5] = ["split", "splitlines", "replace", "join", "format"];

/// What a value has inside.
#[derive(Clone, Copy, Default)]
struct Weight {
    /// Bytes of its texts.
    text: usize,
    /// All values in it, at any depth.
    parts: usize,
    /// What an iteration over it gives.
    items: usize,
    /// The largest whole number in it; for what makes so many of something.
    number: usize,
    /// A namespace is in it, or it is one.
    changes: bool,
}

impl Weight {
    /// Bytes of it as text at most: characters may be escaped.
    fn shown(&self, value: &Value) -> usize {
        if value.as_str().is_some() { self.text } else { self.text.saturating_mul(8).saturating_add(self.parts.saturating_mul(8)) }
    }

    /// Bytes of a list of what it gives.
    fn listed(&self) -> usize {
        self.items.saturating_mul(SLOT)
    }
}

#[derive(Debug)]
struct Ask(Arc<Meter>);

impl Ask {
    fn weigh(&self, value: &Value, weight: &mut Weight, depth: usize) -> Result<(), Error> {
        weight.parts += 1;
        if weight.parts > MOST_PARTS || depth > DEEPEST {
            return Err(refusal("the template makes too large a value"));
        }
        take(&self.0.looks, 1, "the template works too long")?;
        if let Some(text) = value.as_str() {
            weight.text = weight.text.saturating_add(text.len());
        } else if let Some(object) = value.as_object() {
            if object.type_name().ends_with("::Namespace") {
                weight.changes = true;
            }
            let pairs = object.repr() == ObjectRepr::Map;
            if pairs || matches!(object.repr(), ObjectRepr::Seq | ObjectRepr::Iterable) {
                for item in object.try_iter().into_iter().flatten() {
                    if pairs {
                        self.weigh(&object.get_value(&item).unwrap_or_default(), weight, depth + 1)?;
                    }
                    self.weigh(&item, weight, depth + 1)?;
                }
            }
        } else {
            weight.number = weight.number.max(usize::try_from(value.clone()).unwrap_or(0));
            // 64-bit numbers have 20 digits; those with a point up to 309 before it.
            weight.text += if value.is_integer() || !value.is_number() { 40 } else { 400 };
        }
        Ok(())
    }

    fn weight(&self, value: &Value) -> Result<Weight, Error> {
        let mut weight = Weight::default();
        self.weigh(value, &mut weight, 0)?;
        weight.items = value.as_str().map_or_else(|| value.len().unwrap_or(weight.parts), str::len);
        Ok(weight)
    }

    /// Bytes that the operation may make of these values.
    fn need(&self, operation: &str, values: &[Value], weights: &[Weight]) -> Result<usize, Error> {
        let (Some(value), Some(first)) = (values.first(), weights.first()) else { return Ok(0) };
        let is_text = value.as_str().is_some();
        let sum = |of: &dyn Fn(&Weight, &Value) -> usize| weights.iter().zip(values).fold(0, |a: usize, (w, v)| a.saturating_add(of(w, v)));
        let shown = sum(&|weight, value| weight.shown(value));
        let nested = |at: usize| weights.iter().skip(at).any(|weight| weight.changes);
        Ok(match operation {
            "compare" => 0,
            "emit" | "~" => shown,
            "+" if is_text => shown,
            "+" => sum(&|weight, _| weight.listed()),
            "*" if values.iter().all(Value::is_number) => 0,
            // One of the two is the number.
            "*" => weights
                .iter()
                .zip(values)
                .fold(if values.iter().any(|value| value.as_str().is_some()) { 1 } else { SLOT }, |all, (weight, value)| {
                    all.saturating_mul(1 + if value.is_number() { weight.number } else { weight.items })
                }),
            "slice of" => first.listed().max(first.text),
            "loop" => first.listed(),
            "build" if nested(0) => return Err(refusal("the template puts a namespace into a list")),
            "build" => SLOT.saturating_mul(1 + values.len()),
            "set" if first.changes => return Err(refusal("the template puts a namespace into a namespace")),
            "set" => SLOT,
            // Of macros and functions: what is copied are texts and maps (`dict`, `namespace`).
            "call" => sum(&|weight, value| if value.kind() == ValueKind::Map { weight.listed() } else { weight.text.saturating_mul(6) }),
            "split" | "splitlines" | "lines" | "list" => first.listed().saturating_add(shown),
            "map" if values.iter().any(|value| value.as_str() == Some("format")) => return Err(refusal("the template maps formats")),
            "replace" | "join" | "indent" | "batch" | "slice" | "tojson" | "map" | "format" => {
                let whole = first.listed().max(first.shown(value)).max(first.parts.saturating_mul(SLOT)).saturating_mul(2);
                // Numbers are shown by a format, and asked for by all others.
                let (digits, asks) = if operation == "format" { (value.as_str().map_or(0, largest_number), 0) } else { (0, 1) };
                let factor = |weight: &Weight| 1 + weight.text.saturating_add(weight.parts).saturating_add(asks * weight.number);
                weights
                    .iter()
                    .skip(1)
                    .fold(whole, |all, weight| all.saturating_mul(factor(weight)))
                    .saturating_mul(digits.saturating_add(1))
            }
            // All other filters: a changed copy.
            _ if is_text => shown.saturating_mul(6),
            _ => shown.saturating_add(sum(&|weight, _| weight.listed())),
        })
    }
}

/// The largest number in a text: the width of `%100s`.
fn largest_number(text: &str) -> usize {
    text.split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .fold(0, |most, digits| most.max(digits.parse().unwrap_or(usize::MAX)))
}

impl Object for Ask {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let Some((operation, values)) = args.split_last() else { return Ok(Value::from(Vec::<Value>::new())) };
        let weights = values.iter().map(|value| self.weight(value)).collect::<Result<Vec<_>, _>>()?;
        let operation = operation.as_str().unwrap_or_default();
        self.0.take(self.need(operation, values, &weights)?)?;
        // `UnpackList` puts the first on top.
        let mut back = Vec::with_capacity(values.len());
        for (value, weight) in values.iter().zip(&weights).rev() {
            let lazy = value.as_object().is_some_and(|object| object.repr() == ObjectRepr::Iterable);
            back.push(if lazy && !matches!(operation, "emit" | "compare" | "loop") {
                self.0.take(weight.listed())?;
                value.try_iter()?.collect()
            } else {
                value.clone()
            });
        }
        Ok(Value::from(back))
    }
}
