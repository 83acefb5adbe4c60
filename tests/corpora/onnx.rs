//! R3: voices in ONNX, whole and malformed.

use crate::draw::Draw;
use crate::onnx_make::{Message, float_tensor, int_tensor, node, port};

/// What is asked of a model: every part is there to be damaged.
struct Parts {
    version: Option<i64>,
    opsets: usize,
    nodes: Vec<Message>,
    weights: Vec<Message>,
    inputs: Vec<Message>,
    outputs: Vec<Message>,
    /// More fields of the model, and of its graph.
    more: Vec<(u64, Message)>,
    in_graph: Vec<(u64, Message)>,
}

impl Parts {
    /// A voice of Piper's form in small: ids in, sound out.
    fn new(draw: &mut Draw) -> Self {
        let width = 1 + draw.below(8) as i64;
        let data: Vec<f32> = (0..width).map(|n| n as f32).collect();
        let mut inputs = vec![port("input", 7, &[-1, -1]), port("input_lengths", 7, &[-1]), port("scales", 1, &[3])];
        if draw.below(2) == 0 {
            inputs.push(port("sid", 7, &[-1]));
        }
        let mut nodes = vec![node("Cast", &["input"], "c", &[("to", 1)])];
        nodes.extend((0..draw.below(6)).map(|n| node("Identity", &["c"], &format!("n{n}"), &[])));
        nodes.push(node("Add", &["c", "w"], "output", &[]));
        Parts {
            version: Some(3 + draw.below(8) as i64),
            opsets: 1 + draw.below(2),
            nodes,
            weights: vec![float_tensor("w", &[width], &data), int_tensor("axes", &[1], &[1])],
            inputs,
            outputs: vec![port("output", 1, &[-1, 1, -1])],
            more: Vec::new(),
            in_graph: Vec::new(),
        }
    }

    fn graph(&self) -> Message {
        let mut graph = Message::default().bytes(2, "graph");
        for (field, parts) in [(1, &self.nodes), (5, &self.weights), (11, &self.inputs), (12, &self.outputs)] {
            graph = parts.iter().fold(graph, |graph, part| graph.bytes(field, part));
        }
        self.in_graph.iter().fold(graph, |graph, (field, part)| graph.bytes(*field, part))
    }

    fn file(&self) -> Vec<u8> {
        let mut model = self.version.map_or_else(Message::default, |version| Message::default().int(1, version));
        model = model.bytes(7, self.graph());
        for _ in 0..self.opsets {
            model = model.bytes(8, Message::default().bytes(1, "").int(2, 15));
        }
        self.more.iter().fold(model, |model, (field, part)| model.bytes(*field, part)).0
    }
}

/// A whole voice.
pub fn whole(seed: u64) -> Vec<u8> {
    Parts::new(&mut Draw::new(seed)).file()
}

/// Names of other files, as an attacker would write them; `beside` is there, and hangs whoever opens it.
fn places(beside: &str) -> Vec<String> {
    let mut all: Vec<String> = [
        "../../../../etc/passwd",
        "/etc/shadow",
        "/dev/zero",
        "/dev/stdin",
        "",
        ".",
        "..",
        "w.bin\0",
        "C:\\Windows\\win.ini",
        "\\\\host\\share\\w",
    ]
    .map(String::from)
    .into();
    all.extend([beside.to_owned(), format!("./{beside}"), format!("x/../{beside}"), format!("file://{beside}"), "a/".repeat(2000)]);
    all
}

/// A tensor whose data is said to be in another file, in the three ways that the format knows.
fn outside(tensor: Message, place: &str, way: usize) -> Message {
    let entry = |key: &str, value: &str| Message::default().bytes(1, key).bytes(2, value);
    match way {
        0 => tensor.bytes(13, entry("location", place)).int(14, 1),
        1 => tensor.bytes(13, entry("location", place)).bytes(13, entry("offset", "0")).bytes(13, entry("length", "4096")),
        _ => tensor.int(14, 1),
    }
}

/// A tensor as the value of an attribute.
fn constant(tensor: Message) -> Message {
    node("Constant", &[], "k", &[]).bytes(5, Message::default().bytes(1, "value").bytes(5, tensor))
}

/// Every malformed file with a few words that say how it is malformed: 300 and more.
pub fn malformed(beside: &str) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut make = |what: String, seed: u64, damage: &mut dyn FnMut(&mut Parts)| {
        let mut parts = Parts::new(&mut Draw::new(seed));
        damage(&mut parts);
        all.push((what, parts.file()));
    };
    let tensor = || float_tensor("w", &[1], &[1.0]);
    for (seed, place) in places(beside).iter().enumerate() {
        for way in 0..3 {
            let evil = || outside(tensor(), place, way);
            let seed = seed as u64;
            let what = |at: &str| format!("external data {place:.60?} in way {way} {at}");
            make(what("of a weight"), seed, &mut |parts| parts.weights[0] = evil());
            make(what("of a constant"), seed, &mut |parts| parts.nodes.push(constant(evil())));
            make(what("of a sparse weight"), seed, &mut |parts| parts.in_graph.push((15, Message::default().bytes(1, evil()))));
            make(what("in a branch"), seed, &mut |parts| {
                let branch = Message::default().bytes(1, constant(evil()));
                parts.nodes.push(node("If", &["c"], "i", &[]).bytes(5, Message::default().bytes(1, "then_branch").bytes(6, branch)));
            });
            make(what("in a function"), seed, &mut |parts| parts.more.push((25, Message::default().bytes(7, constant(evil())))));
        }
    }
    for dims in [&[-1][..], &[i64::MAX], &[i64::MIN], &[1 << 40], &[1 << 32, 1 << 32], &[i64::MAX, i64::MAX], &[0], &[5], &[1, 2], &[1; 17]]
    {
        for (n, data) in [&[0.5_f32][..], &[]].into_iter().enumerate() {
            // No values of no dimension-less tensor, and none of an empty one, are right.
            if data.is_empty() && dims == [0] {
                continue;
            }
            let weight = || float_tensor("w", dims, data);
            make(format!("a weight of {dims:?} with {} values", data.len()), n as u64, &mut |parts| parts.weights[0] = weight());
            make(format!("a constant of {dims:?}"), n as u64, &mut |parts| parts.nodes.push(constant(weight())));
        }
    }
    for dim in [-2, -1000, 1 << 31, 1 << 40, i64::MAX, i64::MIN] {
        make(format!("an input of {dim}"), 1, &mut |parts| parts.inputs[0] = port("input", 7, &[dim]));
        make(format!("an output of {dim}"), 1, &mut |parts| parts.outputs[0] = port("output", 1, &[1, dim]));
    }
    for kind in [0, 99, -1, 8] {
        make(format!("a weight of type {kind}"), 2, &mut |parts| parts.weights[0] = tensor().int(2, kind));
    }
    wrong_ports(&mut make);
    for version in [None, Some(0), Some(1), Some(2), Some(65), Some(-1), Some(i64::MAX)] {
        make(format!("version {version:?}"), 3, &mut |parts| parts.version = version);
    }
    make("no operator set".into(), 4, &mut |parts| parts.opsets = 0);
    make("no nodes".into(), 4, &mut |parts| parts.nodes.clear());
    make("a training part".into(), 4, &mut |parts| parts.more.push((20, Message::default())));
    for depth in [17, 30, 100, 1000] {
        make(format!("branches {depth} deep"), 5, &mut |parts| {
            let mut inner = node("Identity", &["c"], "x", &[]);
            for _ in 0..depth {
                inner =
                    node("If", &["c"], "i", &[]).bytes(5, Message::default().bytes(1, "b").bytes(6, Message::default().bytes(1, inner)));
            }
            parts.nodes.push(inner);
        });
    }
    make("4,001 inputs".into(), 6, &mut |parts| parts.inputs = (0..4_001).map(|n| port(&format!("i{n}"), 7, &[1])).collect());
    make("20,001 weights".into(), 6, &mut |parts| parts.weights = (0..20_001).map(|n| int_tensor(&format!("w{n}"), &[], &[1])).collect());
    many(&mut make);
    let file = whole(8);
    all.extend((0..file.len()).step_by(12).map(|cut| (format!("cut at byte {cut} of {}", file.len()), file[..cut].to_vec())));
    all
}

/// Takes a name, a seed, and what is changed in a whole file.
type Make<'a> = dyn FnMut(String, u64, &mut dyn FnMut(&mut Parts)) + 'a;

/// Protobuf merges what is given twice, so that neither of the two is what an engine would see; and more than any graph has.
fn many(make: &mut Make<'_>) {
    let evil = || outside(float_tensor("w", &[1], &[1.0]), "/dev/zero", 0);
    make("a second graph behind a bad one".into(), 7, &mut |parts| {
        let good = parts.graph();
        parts.weights[0] = evil();
        parts.more.push((7, good));
    });
    make("a second graph that is bad".into(), 7, &mut |parts| {
        let weights = std::mem::replace(&mut parts.weights, vec![evil()]);
        let bad = parts.graph();
        parts.weights = weights;
        parts.more.push((7, bad));
    });
    let value = || float_tensor("w", &[1], &[1.0]);
    make("a constant of two values".into(), 7, &mut |parts| {
        parts
            .nodes
            .push(node("Constant", &[], "k", &[]).bytes(5, Message::default().bytes(1, "value").bytes(5, value()).bytes(5, value())));
    });
    make("a branch that is given twice".into(), 7, &mut |parts| {
        let branch = || Message::default().bytes(1, node("Identity", &["c"], "x", &[]));
        parts.nodes.push(node("If", &["c"], "i", &[]).bytes(5, Message::default().bytes(1, "b").bytes(6, branch()).bytes(6, branch())));
    });
    make("a sparse weight of two values".into(), 7, &mut |parts| {
        parts.in_graph.push((15, Message::default().bytes(1, value()).bytes(1, value())));
    });
    make("100,001 nodes".into(), 7, &mut |parts| parts.nodes = vec![node("Identity", &["c"], "x", &[]); 100_001]);
    make("a node of a million inputs".into(), 7, &mut |parts| parts.nodes.push(node("Sum", &["c"; 1_000_001], "x", &[])));
}

/// What goes in and comes out is not a voice's.
fn wrong_ports(make: &mut Make<'_>) {
    for (name, kind) in [("input", 1), ("scales", 7), ("image", 1), ("", 7), ("sid", 1), ("input\0", 7), ("state", 1), ("sr", 7)] {
        make(format!("an input {name:?} of type {kind}"), 9, &mut |parts| parts.inputs[0] = port(name, kind, &[1, -1]));
        make(format!("an input {name:?} of type {kind} too many"), 9, &mut |parts| parts.inputs.push(port(name, kind, &[1, -1])));
    }
    make("no inputs".into(), 9, &mut |parts| parts.inputs.clear());
    make("only lengths".into(), 9, &mut |parts| parts.inputs = vec![port("input_lengths", 7, &[1])]);
    make("the same input twice".into(), 9, &mut |parts| parts.inputs.push(port("x", 7, &[1, -1])));
    make("no outputs".into(), 9, &mut |parts| parts.outputs.clear());
    for kind in [0, 2, 7, 8, 99] {
        make(format!("sound of type {kind}"), 9, &mut |parts| parts.outputs = vec![port("output", kind, &[-1])]);
    }
}
