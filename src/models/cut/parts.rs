//! The cut itself: which nodes belong to which part, and what has to be handed over at a seam.

use super::graph::{GraphView, Node, Port};
use super::wire::Message;
use crate::models::check::onnx::FLOAT;
use crate::models::check::protobuf::Value;
use std::collections::{BTreeSet, HashSet};

/// Most tensors at a seam. A Piper voice with several speakers has 18: the mask, and the speaker's share of each layer.
pub const MAX_SEAM: usize = 64;

/// A part of a graph that runs on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// A whole ONNX file.
    pub file: Vec<u8>,
    /// What it takes, beside what the whole takes: f32 tensors that earlier parts give.
    pub takes: Vec<String>,
    /// What it gives, in this order.
    pub gives: Vec<String>,
}

/// What is downstream of a tensor, up to other tensors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// Nodes, by their place in the graph.
    nodes: Vec<usize>,
    /// What it reads from upstream besides the tensor itself.
    pub extra: Vec<String>,
}

impl<'a> GraphView<'a> {
    /// The nodes that lead from `seam` to any of `ends`, with the constants that they need. What else they read becomes
    /// [`Rest::extra`]. `None`: an end does not depend on `seam`, something is drawn at random on the way, or more than
    /// [`MAX_SEAM`] tensors would have to be handed over.
    #[must_use]
    pub fn rest(&self, seam: &str, ends: &[&str]) -> Option<Rest> {
        let downstream = self.downstream(seam);
        let constant = self.constants();
        let (mut nodes, mut extra) = (HashSet::new(), Vec::new());
        let mut todo: Vec<&str> = ends.to_vec();
        let mut seen: HashSet<&str> = HashSet::from([seam, ""]);
        while let Some(tensor) = todo.pop() {
            if !seen.insert(tensor) || self.weights.contains_key(tensor) {
                continue;
            }
            match self.maker.get(tensor) {
                Some(at) if downstream.contains(tensor) || constant.contains(at) => {
                    // A node with many outputs is walked once.
                    let inputs = &self.nodes.get(*at)?.inputs;
                    todo.extend_from_slice(if nodes.insert(*at) { inputs } else { &[] });
                }
                // What the whole graph is given could be handed over, too; no voice needs it behind a seam.
                None if self.inputs.iter().any(|input| input.name == tensor) => return None,
                // A name that only a subgraph knows.
                None => {}
                Some(_) => extra.push(tensor.to_owned()),
            }
            if extra.len() >= MAX_SEAM {
                return None;
            }
        }
        let mut nodes: Vec<usize> = nodes.into_iter().collect();
        nodes.sort_unstable();
        extra.sort_unstable();
        // Draws behind a seam would differ from chunk to chunk where chunks overlap.
        if nodes.iter().filter_map(|at| self.nodes.get(*at)).any(is_random) {
            return None;
        }
        ends.iter().all(|end| downstream.contains(end)).then_some(Rest { nodes, extra })
    }

    /// All nodes that are needed for `gives`, from the graph's inputs on. `None` when one of them is nothing that a node makes.
    #[must_use]
    pub fn head(&self, gives: &[String]) -> Option<Part> {
        let mut nodes = HashSet::new();
        let mut todo: Vec<usize> = gives.iter().map(|tensor| self.maker.get(tensor.as_str()).copied()).collect::<Option<_>>()?;
        while let Some(at) = todo.pop() {
            if nodes.insert(at) {
                todo.extend(self.nodes.get(at)?.inputs.iter().filter_map(|input| self.maker.get(input)));
            }
        }
        let mut nodes: Vec<usize> = nodes.into_iter().collect();
        nodes.sort_unstable();
        Some(self.part(&nodes, &self.inputs, gives, Vec::new()))
    }

    /// The part that takes `seam` and what else `rest` reads, and gives `gives`.
    #[must_use]
    pub fn tail(&self, seam: &str, rest: &Rest, gives: &[String]) -> Part {
        let takes = std::iter::once(seam.to_owned()).chain(rest.extra.iter().cloned()).collect();
        self.part(&rest.nodes, &[], gives, takes)
    }

    /// Whether `tensor` depends on `on`.
    #[must_use]
    pub fn depends(&self, tensor: &str, on: &str) -> bool {
        self.downstream(on).contains(tensor)
    }

    /// Everything that depends on `seam`.
    fn downstream(&self, seam: &str) -> HashSet<&'a str> {
        let mut found: HashSet<&str> = HashSet::new();
        for node in &self.nodes {
            if node.inputs.iter().any(|input| *input == seam || found.contains(input)) {
                found.extend(node.outputs.iter().filter(|output| !output.is_empty() && **output != seam));
            }
        }
        found
    }

    /// Nodes whose result is the same in every run.
    fn constants(&self) -> HashSet<usize> {
        let mut found = HashSet::new();
        for (at, node) in self.nodes.iter().enumerate() {
            let fixed = |input: &&str| {
                input.is_empty() || self.weights.contains_key(input) || self.maker.get(input).is_some_and(|maker| found.contains(maker))
            };
            if !node.nested && !is_random(node) && node.inputs.iter().all(fixed) {
                found.insert(at);
            }
        }
        found
    }

    /// Writes a part. No input or output says its shape: ONNX Runtime then has little to plan (which node may reuse whose
    /// memory, a search that is quadratic in the number of nodes). Loading an encoder of 6,400 nodes took 0.4 s instead of 1.3,
    /// and running it as long as before.
    fn part(&self, nodes: &[usize], inputs: &[Port<'_>], gives: &[String], takes: Vec<String>) -> Part {
        let nodes: Vec<&Node<'_>> = nodes.iter().filter_map(|at| self.nodes.get(*at)).collect();
        let weights: BTreeSet<&str> =
            nodes.iter().flat_map(|node| &node.inputs).filter(|input| self.weights.contains_key(*input)).copied().collect();
        let ports: Vec<(u64, Vec<u8>)> = (inputs.iter().map(|input| (11, port(input.name, input.elem_type))))
            .chain(takes.iter().map(|name| (11, port(name, FLOAT as u64))))
            .chain(gives.iter().map(|name| (12, port(name, FLOAT as u64))))
            .collect();
        let fields: Vec<(u64, &[u8])> = (nodes.iter().map(|node| (1, node.bytes)))
            .chain([(2, self.name)])
            .chain(weights.iter().filter_map(|name| Some((5, *self.weights.get(name)?))))
            .chain(ports.iter().map(|(field, bytes)| (*field, bytes.as_slice())))
            .collect();
        // The graph is written once, at its place: it may have 100 MB.
        let mut file = Message::default();
        for (field, value) in &self.model_fields {
            file.value(*field, *value);
        }
        file.message(7, &fields);
        Part { file: file.0, takes, gives: gives.to_vec() }
    }
}

/// A draw is no constant, though it may read nothing.
fn is_random(node: &Node<'_>) -> bool {
    node.op.starts_with("Random") || matches!(node.op, "Multinomial" | "Bernoulli" | "Dropout")
}

/// `ValueInfoProto` of a tensor without a shape.
fn port(name: &str, elem_type: u64) -> Vec<u8> {
    let (mut tensor, mut kind, mut port) = (Message::default(), Message::default(), Message::default());
    tensor.value(1, Value::Varint(elem_type));
    kind.bytes(1, &tensor.0);
    port.bytes(1, name.as_bytes());
    port.bytes(2, &kind.0);
    port.0
}
