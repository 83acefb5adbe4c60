#![no_main]
use hark_fuzz::models::check::onnx;
use hark_fuzz::models::cut::GraphView;
use hark_fuzz::tts::facts::Facts;
use hark_fuzz::tts::graph::Graph;
use std::io::Cursor;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let outline = onnx::outline(Cursor::new(input));
    let Ok(model) = onnx::check(input) else { return };
    // What the second look finds good, the first one must let through.
    assert_eq!(outline, Ok(()));
    let Ok(graph) = Graph::of(&model) else { return };
    let Ok(view) = GraphView::of(input) else { return };
    let graph = graph.with_rows(&view, &model);
    let _ = (view.digest(), Facts::of(&model.metadata));
    for seam in view.nodes.iter().take(8).flat_map(|node| node.outputs.iter().take(2)) {
        if let Some(rest) = view.rest(seam, &[&graph.output]) {
            let _ = (view.head(&rest.extra), view.tail(seam, &rest, std::slice::from_ref(&graph.output)));
        }
    }
});
