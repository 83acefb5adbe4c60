//! A view of an ONNX file's main graph: which node makes what of what, over the file's own bytes.
//!
//! Numbers of fields: `onnx.proto3`. A subgraph of a node (If, Loop) reads tensors of the graph around it: its reads count as
//! inputs of the node.

use crate::models::check::onnx::{FLOAT, OnnxFault};
use crate::models::check::protobuf::{Fields, Value};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// Graphs inside of nodes are looked into so deep; `check::onnx` refuses deeper ones before.
const MAX_DEPTH: u32 = 16;

/// A node of the graph.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    /// The operator (`Conv`).
    pub op: &'a str,
    /// Names of what it reads, its subgraphs' reads last. An input that is left out has an empty name.
    pub inputs: Vec<&'a str>,
    /// Names of what it makes.
    pub outputs: Vec<&'a str>,
    /// It has a graph inside.
    pub nested: bool,
    pub(super) bytes: &'a [u8],
}

/// An input or output of the graph.
#[derive(Clone, Copy, Debug)]
pub struct Port<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its element type (`TensorProto.DataType`).
    pub elem_type: u64,
}

/// The main graph of a file.
#[derive(Clone, Debug)]
pub struct GraphView<'a> {
    /// In the file's order, which is the order of computation.
    pub nodes: Vec<Node<'a>>,
    /// Bytes of each weight (`TensorProto`), by name.
    pub weights: HashMap<&'a str, &'a [u8]>,
    /// What is given, weights excluded.
    pub inputs: Vec<Port<'a>>,
    /// What comes out.
    pub outputs: Vec<Port<'a>>,
    /// Which node makes a tensor.
    pub(super) maker: HashMap<&'a str, usize>,
    /// Fields of the model but its graph, and of the graph but the above; copied into every part.
    pub(super) model_fields: Vec<(u64, Value<'a>)>,
    pub(super) name: &'a [u8],
}

impl<'a> GraphView<'a> {
    /// Reads a file that `check::onnx` has accepted.
    ///
    /// # Errors
    /// What `check::onnx` would say of a file that it has not accepted; sparse weights, which no voice has, are refused too.
    pub fn of(file: &'a [u8]) -> Result<Self, OnnxFault> {
        let (mut graph, mut model_fields) = (None, Vec::new());
        for field in Fields::of(file) {
            match field? {
                (7, value) => graph = Some(value.bytes()?),
                other => model_fields.push(other),
            }
        }
        let mut view = GraphView {
            nodes: Vec::new(),
            weights: HashMap::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            maker: HashMap::new(),
            model_fields,
            name: b"part",
        };
        for field in Fields::of(graph.ok_or(OnnxFault::Lacks("graph"))?) {
            match field? {
                (1, value) => view.nodes.push(node(value.bytes()?, 0)?),
                (2, value) => view.name = value.bytes()?,
                (5, value) => drop(view.weights.insert(name_of(value.bytes()?, 8)?, value.bytes()?)),
                (11, value) => view.inputs.push(port(value.bytes()?)?),
                (12, value) => view.outputs.push(port(value.bytes()?)?),
                (15, _) => return Err(OnnxFault::Excessive),
                // Notes, shapes of tensors in between: not needed to compute.
                _ => {}
            }
        }
        view.inputs.retain(|input| !view.weights.contains_key(input.name));
        view.maker = view.nodes.iter().enumerate().flat_map(|(at, node)| node.outputs.iter().map(move |output| (*output, at))).collect();
        view.maker.remove("");
        Ok(view)
    }

    /// The node that makes this tensor.
    #[must_use]
    pub fn maker_of(&self, tensor: &str) -> Option<&Node<'a>> {
        self.nodes.get(*self.maker.get(tensor)?)
    }

    /// A number for the form of the graph: operators, attributes, names and shapes, but not the values of weights. A new
    /// training of the same voice has the same; another exporter or architecture has another.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut add = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        self.nodes.iter().for_each(|node| add(node.bytes));
        for port in self.inputs.iter().chain(&self.outputs) {
            add(port.name.as_bytes());
            add(&port.elem_type.to_le_bytes());
        }
        let mut weights: Vec<_> = self.weights.iter().collect();
        weights.sort_unstable();
        for (name, bytes) in weights {
            add(name.as_bytes());
            for (field, value) in Fields::of(bytes).flatten() {
                match value {
                    // Its shape and type; not its values.
                    Value::Varint(number) => add(&[field.to_le_bytes(), number.to_le_bytes()].concat()),
                    Value::Bytes(data) => add(&[field.to_le_bytes(), (data.len() as u64).to_le_bytes()].concat()),
                    _ => {}
                }
            }
        }
        for (field, value) in &self.model_fields {
            match value {
                Value::Varint(number) => add(&[field.to_le_bytes(), number.to_le_bytes()].concat()),
                Value::Bytes(bytes) => add(bytes),
                _ => {}
            }
        }
        hash.finalize().into()
    }
}

/// The first text field of this number; empty when there is none.
fn name_of(bytes: &[u8], number: u64) -> Result<&str, OnnxFault> {
    for field in Fields::of(bytes) {
        let (found, value) = field?;
        if found == number {
            return Ok(value.text()?);
        }
    }
    Ok("")
}

/// `NodeProto`.
fn node(bytes: &[u8], depth: u32) -> Result<Node<'_>, OnnxFault> {
    let mut node = Node { op: "", inputs: Vec::new(), outputs: Vec::new(), nested: false, bytes };
    let mut inner = Vec::new();
    for field in Fields::of(bytes) {
        match field? {
            (1, value) => node.inputs.push(value.text()?),
            (2, value) => node.outputs.push(value.text()?),
            (4, value) => node.op = value.text()?,
            (5, value) => attribute(value.bytes()?, depth, &mut inner)?,
            _ => {}
        }
    }
    node.nested = !inner.is_empty();
    node.inputs.append(&mut inner);
    Ok(node)
}

/// Adds what the graphs of an attribute read.
fn attribute<'a>(bytes: &'a [u8], depth: u32, reads: &mut Vec<&'a str>) -> Result<(), OnnxFault> {
    for field in Fields::of(bytes) {
        if let (6 | 11, graph) = field? {
            if depth >= MAX_DEPTH {
                return Err(OnnxFault::Excessive);
            }
            // A graph without reads is noted by an empty name.
            reads.push("");
            for field in Fields::of(graph.bytes()?) {
                match field? {
                    (1, value) => reads.append(&mut node(value.bytes()?, depth + 1)?.inputs),
                    // A branch may give a tensor of the outer graph as it is.
                    (12, value) => reads.push(name_of(value.bytes()?, 1)?),
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

/// `ValueInfoProto`: its name and its element type; [`FLOAT`] when it says none.
fn port(bytes: &[u8]) -> Result<Port<'_>, OnnxFault> {
    let mut port = Port { name: "", elem_type: FLOAT as u64 };
    for field in Fields::of(bytes) {
        match field? {
            (1, value) => port.name = value.text()?,
            (2, value) => {
                for field in Fields::of(value.bytes()?) {
                    if let (1, value) = field? {
                        for field in Fields::of(value.bytes()?) {
                            if let (1, value) = field? {
                                port.elem_type = value.number()?;
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }
    Ok(port)
}
