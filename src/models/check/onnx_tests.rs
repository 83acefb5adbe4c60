use super::super::onnx_make::{Message, float_tensor, int_tensor, model, node, port};
use super::*;
use std::path::PathBuf;
use std::time::Instant;

fn small_with(initializer: Message) -> Vec<u8> {
    model(&[node("Add", &["x", "w"], "y", &[])], &[initializer], &[port("x", 1, &[1, -1])], &[port("y", 1, &[1, -1])])
}

fn small() -> Vec<u8> {
    small_with(float_tensor("w", &[2, 2], &[1.0, 2.0, 3.0, 4.0]))
}

fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HARK_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let path = root.join("models").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: needs {}", path.display());
    None
}

#[test]
fn tells_what_a_valid_file_holds() {
    let found = check(&small()).unwrap();
    assert_eq!(found.inputs, [Port { name: "x".into(), elem_type: FLOAT, shape: vec![Some(1), None] }]);
    assert_eq!(found.outputs.len(), 1);
    assert_eq!(found.initializers["w"], [2, 2]);
    assert_eq!(found.nodes, 1);
}

#[test]
fn an_initializer_that_is_listed_as_input_is_no_input() {
    let bytes = model(
        &[node("Add", &["x", "w"], "y", &[])],
        &[int_tensor("w", &[1], &[3])],
        &[port("x", 7, &[1]), port("w", 7, &[1])],
        &[port("y", 7, &[1])],
    );
    assert_eq!(check(&bytes).unwrap().inputs.iter().map(|i| i.name.as_str()).collect::<Vec<_>>(), ["x"]);
}

#[test]
fn real_voices_are_accepted_quickly() {
    for (name, inputs) in [("tts/en_US-random-x_low.onnx", 3), ("tts/en_US-random4-medium.onnx", 4), ("vad/silero_vad.onnx", 3)] {
        let Some(path) = shared(name) else { continue };
        let bytes = std::fs::read(path).unwrap();
        let start = Instant::now();
        let found = check(&bytes).unwrap();
        println!("{name}: {} nodes in {:?}", found.nodes, start.elapsed());
        assert_eq!(found.inputs.len(), inputs, "{found:?}");
        assert!(start.elapsed().as_millis() < 500);
    }
}

#[test]
fn other_files_are_not_onnx() {
    let texts: [&[u8]; 6] = [b"", b"12345678", b"GGUF\x03\0\0\0\0\0\0\0", b"{\"audio\": {}}", b"\x7fELF\x02\x01\x01\0", &[0; 64]];
    for bytes in texts {
        assert_eq!(check(bytes), Err(OnnxFault::NotOnnx), "{bytes:?}");
    }
}

#[test]
fn every_cut_is_noticed() {
    let whole = small();
    for len in 0..whole.len() {
        // A cut between the graph and the operator sets leaves valid protobuf: that is noticed by what is missing.
        assert!(check(&whole[..len]).is_err(), "cut at {len} of {}", whole.len());
    }
}

#[test]
fn references_to_other_files_are_refused_wherever_they_are() {
    let outside = Message::default().bytes(1, "location").bytes(2, "../../etc/passwd");
    let tensors = [float_tensor("w", &[1], &[1.0]).bytes(13, &outside), float_tensor("w", &[1], &[1.0]).int(14, 1)];
    for tensor in tensors {
        assert_eq!(check(&small_with(tensor.clone())), Err(OnnxFault::ExternalData("w".to_owned())));
        // In a Constant node's attribute, in a graph of a node, in a function.
        let constant = node("Constant", &[], "c", &[]).bytes(5, Message::default().bytes(1, "value").bytes(5, &tensor));
        let inner = Message::default().bytes(1, &constant);
        let nested = node("If", &["x"], "y", &[]).bytes(5, Message::default().bytes(1, "then_branch").bytes(6, inner));
        for node in [&constant, &nested] {
            assert_eq!(
                check(&model(std::slice::from_ref(node), &[], &[], &[port("y", 1, &[1])])),
                Err(OnnxFault::ExternalData("w".to_owned()))
            );
        }
        let mut with_function = small();
        with_function.extend(Message::default().bytes(25, Message::default().bytes(7, &constant)).0);
        assert_eq!(check(&with_function), Err(OnnxFault::ExternalData("w".to_owned())));
    }
}

#[test]
fn shapes_that_do_not_fit_their_data_are_refused() {
    let data = [0.0f32; 4];
    for dims in [&[5][..], &[-1], &[i64::MAX], &[1 << 32, 1 << 32], &[i64::MIN, 2], &[3, 1], &[0]] {
        assert_eq!(check(&small_with(float_tensor("w", dims, &data))), Err(OnnxFault::Shape("w".to_owned())), "{dims:?}");
    }
    let many = vec![1; 17];
    assert!(check(&small_with(float_tensor("w", &many, &[0.0]))).is_err());
    assert!(check(&small_with(float_tensor("w", &[2, 2], &data).int(2, 999))).is_err(), "unknown element type");
}

#[test]
fn nesting_has_an_end() {
    let mut inner = node("Identity", &["x"], "y", &[]);
    for _ in 0..200 {
        inner = node("If", &["x"], "y", &[]).bytes(5, Message::default().bytes(1, "b").bytes(6, Message::default().bytes(1, inner)));
    }
    assert_eq!(check(&model(&[inner], &[], &[], &[port("y", 1, &[1])])), Err(OnnxFault::Excessive));
}

#[test]
fn what_is_missing_is_named() {
    let x = port("x", 1, &[1]);
    let add = node("Add", &["x", "x"], "y", &[]);
    assert_eq!(check(&model(&[], &[], std::slice::from_ref(&x), &[port("y", 1, &[1])])), Err(OnnxFault::Lacks("nodes")));
    assert_eq!(check(&model(&[add], &[], &[x], &[])), Err(OnnxFault::Lacks("outputs")));
    assert_eq!(check(&Message::default().int(1, 8).0), Err(OnnxFault::Lacks("graph")));
}

#[test]
fn ten_thousand_broken_files_never_panic() {
    let whole = small();
    let mut seed = 1u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize
    };
    let mut refused = 0;
    for _ in 0..10_000 {
        let mut bytes = whole.clone();
        for _ in 0..1 + random() % 4 {
            let at = random() % bytes.len();
            bytes[at] = random() as u8;
        }
        bytes.truncate(1 + random() % (2 * bytes.len()));
        refused += usize::from(check(&bytes).is_err());
    }
    // A changed weight or name is still a valid file.
    assert!(refused > 6000, "{refused}");
}

#[test]
fn damage_in_a_real_voice_never_panics_and_is_fast() {
    let Some(path) = shared("tts/en_US-random-x_low.onnx") else { return };
    let mut bytes = std::fs::read(path).unwrap();
    let start = Instant::now();
    let mut refused = 0;
    for i in 0..300usize {
        // The graph's structure is in the first megabyte; weights follow.
        let at = (i * 2_654_435_761) % 1_000_000;
        let old = std::mem::replace(&mut bytes[at], (i * 37) as u8);
        refused += usize::from(check(&bytes).is_err());
        bytes[at] = old;
        assert!(check(&bytes[..at.max(1)]).is_err(), "cut at {at}");
    }
    println!("{refused} of 300 single-byte changes refused, {:?} each", start.elapsed() / 600);
    assert!(check(&bytes).is_ok());
    assert!(start.elapsed().as_secs() < 30);
}

#[test]
fn folders_and_missing_files_are_unreadable() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(read(folder.path()), Err(OnnxFault::Unreadable(_))));
    assert!(matches!(read(&folder.path().join("none.onnx")), Err(OnnxFault::Unreadable(_))));
}
