//! Writes small ONNX files for tests: the same wire format the checks read, the other way round.

use crate::models::check::protobuf::Value;
use crate::models::cut::wire;

/// A message or value under construction.
#[derive(Clone, Default)]
pub struct Message(pub Vec<u8>);

impl Message {
    fn with(self, write: impl FnOnce(&mut wire::Message)) -> Self {
        let mut message = wire::Message(self.0);
        write(&mut message);
        Message(message.0)
    }

    /// With an integer field.
    pub fn int(self, field: u64, number: i64) -> Self {
        self.with(|message| message.value(field, Value::Varint(number as u64)))
    }

    /// With a string, bytes or message field.
    pub fn bytes(self, field: u64, bytes: impl AsRef<[u8]>) -> Self {
        self.with(|message| message.bytes(field, bytes.as_ref()))
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// An i64 tensor.
pub fn int_tensor(name: &str, dims: &[i64], data: &[i64]) -> Message {
    let raw: Vec<u8> = data.iter().flat_map(|v| v.to_le_bytes()).collect();
    dims.iter().fold(Message::default(), |m, dim| m.int(1, *dim)).int(2, 7).bytes(8, name).bytes(9, raw)
}

/// An f32 tensor.
pub fn float_tensor(name: &str, dims: &[i64], data: &[f32]) -> Message {
    let raw: Vec<u8> = data.iter().flat_map(|v| v.to_le_bytes()).collect();
    dims.iter().fold(Message::default(), |m, dim| m.int(1, *dim)).int(2, 1).bytes(8, name).bytes(9, raw)
}

/// A node; integer attributes only.
pub fn node(op: &str, inputs: &[&str], output: &str, attributes: &[(&str, i64)]) -> Message {
    let node = inputs.iter().fold(Message::default(), |m, input| m.bytes(1, input)).bytes(2, output).bytes(4, op);
    attributes.iter().fold(node, |m, (name, value)| m.bytes(5, Message::default().bytes(1, name).int(3, *value).int(20, 2)))
}

/// An input or output; −1 is an open dimension.
pub fn port(name: &str, elem_type: i64, dims: &[i64]) -> Message {
    let shape = dims.iter().enumerate().fold(Message::default(), |m, (i, dim)| match dim {
        -1 => m.bytes(1, Message::default().bytes(2, format!("open_{name}_{i}"))),
        dim => m.bytes(1, Message::default().int(1, *dim)),
    });
    Message::default().bytes(1, name).bytes(2, Message::default().bytes(1, Message::default().int(1, elem_type).bytes(2, shape)))
}

/// A model of IR version 8 and operator set 15.
pub fn model(nodes: &[Message], initializers: &[Message], inputs: &[Message], outputs: &[Message]) -> Vec<u8> {
    let mut graph = nodes.iter().fold(Message::default(), |m, n| m.bytes(1, n)).bytes(2, "graph");
    for (field, parts) in [(5, initializers), (11, inputs), (12, outputs)] {
        graph = parts.iter().fold(graph, |m, part| m.bytes(field, part));
    }
    Message::default().int(1, 8).bytes(7, graph).bytes(8, Message::default().bytes(1, "").int(2, 15)).0
}
