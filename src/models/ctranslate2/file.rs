//! CTranslate2's `model.bin`. Format (little endian): version of the format (u32), name of the kind of model, its revision
//! (u32), number of variables (u32), then each variable: name, rank (u8), dimensions (u32 each, outermost first), type (u8),
//! length (u32), data; then number of second names (u32), each two names: the new one and the one that it stands for. A name is
//! its length with a final 0 (u16), then its bytes.

use super::super::check::ggml::CheckError;
use super::super::check::ggml_file::{Source, refuse};
use super::half;
use std::collections::BTreeMap;
use std::io::{Read, Seek};

/// Versions of the format and of the kind of model that are understood.
const VERSION: u64 = 6;
const REVISION: u64 = 3;
const KIND: &str = "WhisperSpec";
/// whisper large has 1,261.
const MOST_VARIABLES: u64 = 8192;
/// The longest name has 52 bytes.
const LONGEST_NAME: usize = 128;
/// Second names that lead from one to the next.
const MOST_HOPS: usize = 8;

/// Whether a file that begins so is a whisper model of CTranslate2, of any version.
#[must_use]
pub fn is_head(head: &[u8]) -> bool {
    let name = head.get(6..).and_then(|rest| rest.strip_prefix(KIND.as_bytes()));
    head.get(1..6) == Some(&[0, 0, 0, 12, 0]) && name.is_some_and(|rest| rest.first() == Some(&0))
}

/// A type of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    F32,
    I8,
    I16,
    I32,
    F16,
    Bf16,
}

impl Values {
    fn of(number: u8) -> Option<Self> {
        Some(match number {
            0 => Values::F32,
            1 => Values::I8,
            2 => Values::I16,
            3 => Values::I32,
            4 => Values::F16,
            5 => Values::Bf16,
            _ => return None,
        })
    }

    fn size(self) -> u64 {
        match self {
            Values::I8 => 1,
            Values::I16 | Values::F16 | Values::Bf16 => 2,
            Values::F32 | Values::I32 => 4,
        }
    }
}

/// Where a variable stands and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) dims: Vec<u64>,
    pub(super) kind: Values,
    /// How many values there are.
    pub(super) count: u64,
    at: u64,
}

/// A checked table of variables, and the reader of their values.
pub(super) struct Variables<R> {
    source: Source<R>,
    all: BTreeMap<String, Variable>,
    second_names: BTreeMap<String, String>,
}

impl<R: Read + Seek> Variables<R> {
    /// Reads the table and passes over the values.
    pub(super) fn read(reader: R) -> Result<Self, CheckError> {
        let mut source = Source::new(reader)?;
        if source.len == 0 {
            return refuse("it is empty");
        }
        let head = "its header";
        let version = u32(&mut source, head)?;
        if name(&mut source, head)? != KIND {
            return refuse("it is no whisper model of CTranslate2");
        }
        let revision = u32(&mut source, head)?;
        if (version, revision) != (VERSION, REVISION) {
            return refuse(format!(
                "it is of version {version}.{revision} of CTranslate2's format, and only {VERSION}.{REVISION} is understood"
            ));
        }
        let count = u32(&mut source, head)?;
        if !(1..=MOST_VARIABLES).contains(&count) {
            return refuse(format!("it has {count} variables, not 1 to {MOST_VARIABLES}"));
        }
        let mut all = BTreeMap::new();
        for number in 1..=count {
            let what = format!("variable {number} of {count}");
            let name = name(&mut source, &what)?;
            let variable = variable(&mut source, &name, &what)?;
            if all.insert(name.clone(), variable).is_some() {
                return refuse(format!("its variable \"{name}\" is there twice"));
            }
        }
        let what = "its second names";
        let mut second_names = BTreeMap::new();
        let count = u32(&mut source, what)?;
        if count > MOST_VARIABLES {
            return refuse(format!("it has {count} second names, not at most {MOST_VARIABLES}"));
        }
        for _ in 0..count {
            let (second, first) = (name(&mut source, what)?, name(&mut source, what)?);
            if all.contains_key(&second) || second_names.insert(second.clone(), first).is_some() {
                return refuse(format!("its variable \"{second}\" is there twice"));
            }
        }
        match source.left() {
            0 => Ok(Variables { source, all, second_names }),
            left => refuse(format!("there are {left} bytes behind its end")),
        }
    }

    /// A variable, also by a second name; its first name, too.
    pub(super) fn get(&self, name: &str) -> Option<(&str, &Variable)> {
        let mut name = name;
        for _ in 0..MOST_HOPS {
            match self.second_names.get(name) {
                Some(first) => name = first,
                None => break,
            }
        }
        self.all.get_key_value(name).map(|(name, variable)| (name.as_str(), variable))
    }

    /// Names of all variables that hold more than one value.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().filter(|(_, variable)| !variable.dims.is_empty()).map(|(name, _)| name.as_str())
    }

    /// A whole number that stands alone.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<i32>, CheckError> {
        let Some((_, variable)) = self.get(name).filter(|(_, variable)| variable.count == 1) else { return Ok(None) };
        let variable = variable.clone();
        let bytes = self.bytes(&variable, 0, 1, name)?;
        Ok(match (variable.kind, bytes.as_slice()) {
            (Values::I8, [a]) => Some(i32::from(i8::from_le_bytes([*a]))),
            (Values::I16, [a, b]) => Some(i32::from(i16::from_le_bytes([*a, *b]))),
            (Values::I32, [a, b, c, d]) => Some(i32::from_le_bytes([*a, *b, *c, *d])),
            _ => None,
        })
    }

    /// Some values of a variable, as they stand there: 8-bit ones without their scale.
    pub(super) fn values(&mut self, variable: &Variable, from: u64, count: u64, what: &str) -> Result<Vec<f32>, CheckError> {
        let bytes = self.bytes(variable, from, count, what)?;
        let pairs = || bytes.chunks_exact(2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok());
        Ok(match variable.kind {
            Values::F32 => bytes.chunks_exact(4).filter_map(|four| four.try_into().ok()).map(f32::from_le_bytes).collect(),
            Values::F16 => pairs().map(|pair| half::to_f32(u16::from_le_bytes(pair))).collect(),
            Values::Bf16 => pairs().map(|pair| f32::from_bits(u32::from(u16::from_le_bytes(pair)) << 16)).collect(),
            Values::I8 => bytes.iter().map(|byte| f32::from(i8::from_le_bytes([*byte]))).collect(),
            Values::I16 | Values::I32 => return refuse(format!("\"{what}\" is of a type that no whisper model has")),
        })
    }

    /// The caller bounds `count`.
    fn bytes(&mut self, variable: &Variable, from: u64, count: u64, what: &str) -> Result<Vec<u8>, CheckError> {
        let (size, what) = (variable.kind.size(), format!("\"{what}\""));
        self.source.go_to(variable.at.saturating_add(from.saturating_mul(size)), &what)?;
        let mut bytes = vec![0; usize::try_from(count.saturating_mul(size)).unwrap_or(0)];
        self.source.fill(&mut bytes, &what)?;
        Ok(bytes)
    }
}

fn variable<R: Read + Seek>(source: &mut Source<R>, name: &str, what: &str) -> Result<Variable, CheckError> {
    let [rank] = array(source, what)?;
    if rank > 4 {
        return refuse(format!("\"{name}\" has {rank} dimensions"));
    }
    let mut dims = Vec::new();
    let mut count = Some(1_u64);
    for _ in 0..rank {
        let dim = u32(source, what)?;
        count = count.and_then(|count| count.checked_mul(dim)).filter(|count| *count > 0);
        dims.push(dim);
    }
    let [number] = array(source, what)?;
    let Some(kind) = Values::of(number) else { return refuse(format!("\"{name}\" is of an unknown type (number {number})")) };
    let announced = u32(source, what)?;
    let needed = count.and_then(|count| count.checked_mul(kind.size()));
    let (Some(count), Some(bytes)) = (count, needed.filter(|bytes| *bytes == announced)) else {
        return refuse(format!("\"{name}\" has {announced} bytes, which does not fit its shape {dims:?}"));
    };
    let at = source.at();
    source.skip(bytes, &format!("\"{name}\""))?;
    Ok(Variable { dims, kind, count, at })
}

fn array<R: Read + Seek, const N: usize>(source: &mut Source<R>, what: &str) -> Result<[u8; N], CheckError> {
    let mut bytes = [0; N];
    source.fill(&mut bytes, what)?;
    Ok(bytes)
}

fn u32<R: Read + Seek>(source: &mut Source<R>, what: &str) -> Result<u64, CheckError> {
    array(source, what).map(u32::from_le_bytes).map(u64::from)
}

/// A name: printable ASCII, so that it can be said.
fn name<R: Read + Seek>(source: &mut Source<R>, what: &str) -> Result<String, CheckError> {
    let length = usize::from(array(source, what).map(u16::from_le_bytes)?);
    if !(2..=LONGEST_NAME).contains(&length) {
        return refuse(format!("{what} has a name of {length} bytes"));
    }
    let mut bytes = vec![0; length];
    source.fill(&mut bytes, what)?;
    let last = bytes.pop();
    match String::from_utf8(bytes) {
        Ok(name) if last == Some(0) && name.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(name),
        _ => refuse(format!("{what} has a broken name")),
    }
}
