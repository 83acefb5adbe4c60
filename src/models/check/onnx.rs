//! ONNX files: the protobuf is walked before ONNX Runtime sees it, in one pass over bytes that are in memory.
//!
//! It is walked in outline on the disk first, so that another file costs no memory; the engine gets the very bytes that were checked.
//!
//! Refused: what is not ONNX, what is cut, references to other files (`external_data`, the way of several CVEs), tensors whose
//! shape does not fit their data, graphs nested without end. The numbers of fields are those of `onnx.proto3` (IR version 3
//! and later). Nothing is allocated but names and shapes; 77 MB take about a millisecond, as weights are skipped whole.

pub use super::onnx_file::{outline, read};
use super::protobuf::{Fields, Malformed, Value, packed_varints, varint};
use std::collections::{BTreeMap, BTreeSet};

/// Largest file, as it is held in memory while it is loaded. The largest known voices have 330 MB; protobuf's own limit is
/// 2 GiB.
pub const MAX_BYTES: u64 = 1 << 30;
/// Graphs inside of attributes (If, Loop). Real voices have two levels.
const MAX_DEPTH: u32 = 16;
/// Nodes, over all graphs. A Piper voice has 6,552.
const MAX_NODES: u64 = 100_000;
/// What all nodes read and write, names. A Piper voice has about 20,000.
const MAX_EDGES: u64 = 1_000_000;
/// Dimensions of a tensor.
const MAX_RANK: usize = 16;
/// Names that are kept are no longer than this, bytes.
const MAX_NAME: usize = 1024;
/// Initializers of the main graph, which are kept with name and shape. A Piper voice has 800.
const MAX_WEIGHTS: usize = 20_000;
/// Inputs, outputs and metadata entries that are kept.
const MAX_ENTRIES: usize = 4_000;

/// Element type of f32 tensors (`TensorProto.DataType`).
pub const FLOAT: i32 = 1;
/// Element type of i64 tensors.
pub const INT64: i32 = 7;

/// Why a file is refused. Written as a part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OnnxFault {
    /// No protobuf at all, or another one.
    #[error("it is not an ONNX file")]
    NotOnnx,
    /// Broken in the middle.
    #[error("it is cut off or damaged")]
    Damaged,
    /// Larger than the format allows.
    #[error("it is larger than 1 GiB")]
    TooLarge,
    /// A tensor is said to be in another file.
    #[error("it refers to another file for the tensor \"{0}\", which is not allowed")]
    ExternalData(String),
    /// A shape that cannot be.
    #[error("the tensor \"{0}\" has an impossible shape")]
    Shape(String),
    /// Deeper or larger than any real graph.
    #[error("its graph is nested or large beyond reason")]
    Excessive,
    /// A part that must be there is not.
    #[error("it has no {0}")]
    Lacks(&'static str),
    /// The file cannot be read.
    #[error("it cannot be read ({0})")]
    Unreadable(String),
}

impl From<Malformed> for OnnxFault {
    fn from(_: Malformed) -> Self {
        OnnxFault::Damaged
    }
}

/// An input or output of the graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Element type ([`FLOAT`], [`INT64`], …); 0 when it is not a tensor.
    pub elem_type: i32,
    /// Its shape; `None` for a dimension that is open.
    pub shape: Vec<Option<i64>>,
}

/// What a valid file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnnxModel {
    /// What must be given, initializers excluded, in order.
    pub inputs: Vec<Port>,
    /// What comes out, in order.
    pub outputs: Vec<Port>,
    /// Shape of each initializer of the main graph, by name.
    pub initializers: BTreeMap<String, Vec<i64>>,
    /// Free entries (`metadata_props`).
    pub metadata: BTreeMap<String, String>,
    /// Nodes, over all graphs.
    pub nodes: u64,
    /// Names of tensors that they read and write, over all graphs.
    pub edges: u64,
    /// Operator sets that it names.
    pub opsets: u64,
}

/// Checks the bytes of an ONNX file (`ModelProto`).
///
/// # Errors
/// See [`OnnxFault`].
pub fn check(bytes: &[u8]) -> Result<OnnxModel, OnnxFault> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(OnnxFault::TooLarge);
    }
    let mut model = OnnxModel::default();
    let (mut graph, mut version) = (None, None);
    for field in Fields::of(bytes) {
        // Until the file has shown that it is ONNX at all, a broken field means that it is something else.
        let fault = if version.is_some() || graph.is_some() { OnnxFault::Damaged } else { OnnxFault::NotOnnx };
        match field.map_err(|_| fault.clone())? {
            (1, value) => version = Some(value.number().map_err(|_| fault)?),
            // Protobuf would merge two, and only one of them would be looked at here.
            (7, _) if graph.is_some() => return Err(OnnxFault::Excessive),
            (7, value) => graph = Some(value.bytes().map_err(|_| fault)?),
            (8, value) => {
                value.bytes().map_err(|_| fault)?;
                model.opsets += 1;
            }
            (14, value) => model.metadata_entry(value.bytes()?)?,
            // TrainingInfoProto: two graphs that a voice has no use for.
            (20, _) => return Err(OnnxFault::Excessive),
            (25, value) => model.function(value.bytes()?)?,
            _ => {}
        }
    }
    if !version.is_some_and(|version| (3..=64).contains(&version)) {
        return Err(if graph.is_none() { OnnxFault::NotOnnx } else { OnnxFault::Lacks("known format version") });
    }
    model.main_graph(graph.ok_or(OnnxFault::Lacks("graph"))?)?;
    match &model {
        OnnxModel { nodes: 0, .. } => Err(OnnxFault::Lacks("nodes")),
        OnnxModel { opsets: 0, .. } => Err(OnnxFault::Lacks("operator set")),
        OnnxModel { outputs, .. } if outputs.is_empty() => Err(OnnxFault::Lacks("outputs")),
        _ => Ok(model),
    }
}

impl OnnxModel {
    fn main_graph(&mut self, bytes: &[u8]) -> Result<(), OnnxFault> {
        for field in Fields::of(bytes) {
            let (number, value) = field?;
            match number {
                5 => {
                    let (name, dims) = tensor(value.bytes()?)?;
                    if self.initializers.len() >= MAX_WEIGHTS {
                        return Err(OnnxFault::Excessive);
                    }
                    self.initializers.insert(name, dims);
                }
                11 => self.inputs.push(port(value.bytes()?)?),
                12 => self.outputs.push(port(value.bytes()?)?),
                _ => self.graph_field(number, value, 0)?,
            }
            if self.inputs.len().max(self.outputs.len()) > MAX_ENTRIES {
                return Err(OnnxFault::Excessive);
            }
        }
        // Before IR version 4 every initializer was listed as an input, too.
        let initialized: BTreeSet<&String> = self.initializers.keys().collect();
        self.inputs.retain(|input| !initialized.contains(&input.name));
        Ok(())
    }

    /// A graph inside of a node.
    fn graph(&mut self, bytes: &[u8], depth: u32) -> Result<(), OnnxFault> {
        if depth > MAX_DEPTH {
            return Err(OnnxFault::Excessive);
        }
        Fields::of(bytes).try_for_each(|field| {
            let (number, value) = field?;
            self.graph_field(number, value, depth)
        })
    }

    fn graph_field(&mut self, number: u64, value: Value<'_>, depth: u32) -> Result<(), OnnxFault> {
        match number {
            1 => self.node(value.bytes()?, depth),
            5 => tensor(value.bytes()?).map(drop),
            11 | 12 => port(value.bytes()?).map(drop),
            15 => sparse(value.bytes()?),
            _ => Ok(()),
        }
    }

    fn node(&mut self, bytes: &[u8], depth: u32) -> Result<(), OnnxFault> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(OnnxFault::Excessive);
        }
        for field in Fields::of(bytes) {
            match field? {
                (1 | 2, _) => self.edges += 1,
                (5, value) => self.attribute(value.bytes()?, depth)?,
                _ => {}
            }
        }
        if self.edges > MAX_EDGES { Err(OnnxFault::Excessive) } else { Ok(()) }
    }

    fn attribute(&mut self, bytes: &[u8], depth: u32) -> Result<(), OnnxFault> {
        // A single value that is given twice would be merged into one that nobody looked at.
        let mut given = BTreeSet::new();
        for field in Fields::of(bytes) {
            match field? {
                (number @ (5 | 6 | 22), _) if !given.insert(number) => return Err(OnnxFault::Excessive),
                (5 | 10, value) => drop(tensor(value.bytes()?)?),
                (6 | 11, value) => self.graph(value.bytes()?, depth + 1)?,
                (22 | 23, value) => sparse(value.bytes()?)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// `FunctionProto`: nodes that are called by name.
    fn function(&mut self, bytes: &[u8]) -> Result<(), OnnxFault> {
        for field in Fields::of(bytes) {
            match field? {
                (7, value) => self.node(value.bytes()?, 1)?,
                (11, value) => self.attribute(value.bytes()?, 1)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// `StringStringEntryProto`.
    fn metadata_entry(&mut self, bytes: &[u8]) -> Result<(), OnnxFault> {
        let (mut key, mut entry) = ("", "");
        for field in Fields::of(bytes) {
            match field? {
                (1, value) => key = value.text()?,
                (2, value) => entry = value.text()?,
                _ => {}
            }
        }
        // Long entries (a whole training configuration) are of no use here.
        if key.len() <= MAX_NAME && entry.len() <= MAX_NAME && self.metadata.len() < MAX_ENTRIES {
            self.metadata.insert(key.to_owned(), entry.to_owned());
        }
        Ok(())
    }
}

/// `TensorProto`: name and shape, once its data was found to be here and to fit.
fn tensor(bytes: &[u8]) -> Result<(String, Vec<i64>), OnnxFault> {
    let (mut name, mut dims, mut data_type) = (String::new(), Vec::new(), 0);
    let (mut raw, mut items, mut external) = (None, 0u64, false);
    for field in Fields::of(bytes) {
        match field? {
            (1, Value::Varint(dim)) => dims.push(dim),
            (1, value) => {
                let mut packed = value.bytes()?;
                while !packed.is_empty() && dims.len() <= MAX_RANK {
                    dims.push(varint(&mut packed)?);
                }
            }
            (2, value) => data_type = value.number()?,
            (4, Value::Fixed32(_)) | (10, Value::Fixed64(_)) | (5 | 7 | 11, Value::Varint(_)) => items += 1,
            (4, value) => items += value.bytes()?.len() as u64 / 4,
            (10, value) => items += value.bytes()?.len() as u64 / 8,
            (5 | 7 | 11, value) => items += packed_varints(value.bytes()?)?,
            (6, value) => {
                value.bytes()?;
                items += 1;
            }
            (8, value) => name = short(value.text()?).to_owned(),
            (9, value) => raw = Some(value.bytes()?.len() as u64),
            (13, _) => external = true,
            (14, value) => external |= value.number()? != 0,
            _ => {}
        }
        if dims.len() > MAX_RANK {
            return Err(OnnxFault::Shape(shown(&name)));
        }
    }
    if external {
        return Err(OnnxFault::ExternalData(shown(&name)));
    }
    let shape = || OnnxFault::Shape(shown(&name));
    // Zero elements are allowed (an empty axes list); negative ones, which arrive as huge numbers, overflow.
    let elements = dims.iter().try_fold(1u64, |product, dim| product.checked_mul(*dim)).ok_or_else(shape)?;
    let fits = match (raw, bits(data_type)) {
        (Some(len), Some(bits)) => elements.checked_mul(bits).is_some_and(|bits| bits.div_ceil(8) == len),
        // Complex numbers take two items; 4-bit numbers are packed by two or eight.
        (None, Some(2 | 4)) => items <= elements,
        (None, Some(_)) => items == elements || (matches!(data_type, 14 | 15) && Some(items) == elements.checked_mul(2)),
        (None, None) => data_type == 8 && items == elements,
        (Some(_), None) => false,
    };
    if !fits {
        return Err(shape());
    }
    let dims = dims.into_iter().map(i64::try_from).collect::<Result<_, _>>().map_err(|_| shape())?;
    Ok((name, dims))
}

/// Bits of one element by `TensorProto.DataType`; `None` for strings and unknown types.
fn bits(data_type: u64) -> Option<u64> {
    Some(match data_type {
        2 | 3 | 9 | 17..=20 | 24 => 8,
        4 | 5 | 10 | 16 => 16,
        1 | 6 | 12 => 32,
        7 | 11 | 13 | 14 => 64,
        15 => 128,
        21..=23 => 4,
        25 | 26 => 2,
        _ => return None,
    })
}

/// `SparseTensorProto`: two tensors.
fn sparse(bytes: &[u8]) -> Result<(), OnnxFault> {
    let mut given = BTreeSet::new();
    for field in Fields::of(bytes) {
        if let (number @ (1 | 2), value) = field? {
            if !given.insert(number) {
                return Err(OnnxFault::Excessive);
            }
            tensor(value.bytes()?)?;
        }
    }
    Ok(())
}

/// `ValueInfoProto` with its `TypeProto`.
fn port(bytes: &[u8]) -> Result<Port, OnnxFault> {
    let mut port = Port::default();
    for field in Fields::of(bytes) {
        match field? {
            (1, value) => port.name = short(value.text()?).to_owned(),
            (2, value) => {
                for field in Fields::of(value.bytes()?) {
                    if let (1, value) = field? {
                        tensor_type(value.bytes()?, &mut port)?;
                    }
                }
            }
            _ => {}
        }
    }
    // Such a name would stand in a sentence for people, and no exporter writes one.
    if port.name.contains(char::is_control) { Err(OnnxFault::Damaged) } else { Ok(port) }
}

/// `TypeProto.Tensor` with its `TensorShapeProto`.
fn tensor_type(bytes: &[u8], port: &mut Port) -> Result<(), OnnxFault> {
    for field in Fields::of(bytes) {
        match field? {
            (1, value) => port.elem_type = i32::try_from(value.number()?).map_err(|_| OnnxFault::Damaged)?,
            (2, value) => {
                for field in Fields::of(value.bytes()?) {
                    if let (1, value) = field? {
                        port.shape.push(dimension(value.bytes()?, &port.name)?);
                    }
                    if port.shape.len() > MAX_RANK {
                        return Err(OnnxFault::Shape(shown(&port.name)));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn dimension(bytes: &[u8], name: &str) -> Result<Option<i64>, OnnxFault> {
    let mut dimension = None;
    for field in Fields::of(bytes) {
        if let (1, value) = field? {
            // Some exporters write −1 for "open".
            dimension = match value.number()? as i64 {
                -1 => None,
                dim @ 0..=0x7fff_ffff => Some(dim),
                _ => return Err(OnnxFault::Shape(shown(name))),
            };
        }
    }
    Ok(dimension)
}

/// A name from the file, fit to be shown.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(80).collect()
}

/// The name, cut to what is kept.
fn short(name: &str) -> &str {
    let end = (0..=MAX_NAME.min(name.len())).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    name.get(..end).unwrap_or("")
}

#[cfg(test)]
#[path = "onnx_tests.rs"]
mod tests;
