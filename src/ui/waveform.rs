//! The last seconds of sound as a filled, mirrored envelope: new sound leaves the talk button to both sides and fades.

use crate::audio::level::{HISTORY_FRAMES, Level, LevelMeter};
use egui::epaint::{Mesh, Vertex, WHITE_UV};
use egui::{Color32, Painter, Pos2, Rect, pos2};

/// The history in here is drawn once for each side, newest in the middle.
pub fn paint(painter: &Painter, rect: Rect, meter: &LevelMeter, color: Color32) {
    // Three bells of nine frames are one of about 200 ms: words show, and the outline flows instead of trembling.
    let levels = (0..3).fold(meter.history(HISTORY_FRAMES), |levels, _| smooth(&levels));
    for (opacity, height) in [(0.20, peak_height as fn(&Level) -> f32), (0.50, rms_height)] {
        let mut mesh = Mesh::default();
        for side in [-1.0, 1.0] {
            add_side(&mut mesh, rect, &levels, side, height, color.gamma_multiply(opacity));
        }
        painter.add(mesh);
    }
}

fn add_side(mesh: &mut Mesh, rect: Rect, levels: &[Level], side: f32, height: fn(&Level) -> f32, color: Color32) {
    let half = rect.width() / 2.0;
    let Some(last) = levels.len().checked_sub(1).filter(|n| *n > 0) else { return };
    let first = mesh.vertices.len() as u32;
    for (i, level) in levels.iter().rev().enumerate() {
        let age = i as f32 / last as f32;
        let x = rect.center().x + side * half * age;
        // A point and a half at least: silence is a thin line, not nothing.
        let dy = (height(level) * rect.height() / 2.0).max(1.5);
        let shade = color.gamma_multiply((1.0 - age).powf(0.8));
        // The outermost point of each edge is clear: a mesh has no smooth edges of its own.
        let edge = (dy - 1.0).max(0.0);
        for (y, color) in [(-dy, Color32::TRANSPARENT), (-edge, shade), (edge, shade), (dy, Color32::TRANSPARENT)] {
            mesh.vertices.push(vertex(pos2(x, rect.center().y + y), color));
        }
        if i > 0 {
            let n = first + 4 * i as u32;
            for k in 0..3 {
                mesh.indices.extend([n - 4 + k, n - 3 + k, n + k, n - 3 + k, n + k, n + 1 + k]);
            }
        }
    }
}

fn vertex(pos: Pos2, color: Color32) -> Vertex {
    Vertex { pos, uv: WHITE_UV, color }
}

/// Loudness is heard by its logarithm; a root is near enough and needs no floor.
fn rms_height(level: &Level) -> f32 {
    (level.rms.clamp(0.0, 1.0) * 3.0).powf(0.65).min(1.0)
}

fn peak_height(level: &Level) -> f32 {
    level.peak.clamp(0.0, 1.0).powf(0.55)
}

/// A bell of nine frames goes over the levels.
fn smooth(levels: &[Level]) -> Vec<Level> {
    const BELL: [f32; 9] = [1.0, 8.0, 28.0, 56.0, 70.0, 56.0, 28.0, 8.0, 1.0];
    (0..levels.len())
        .map(|i| {
            let near = BELL.iter().enumerate().filter_map(|(k, w)| Some((w, levels.get((i + k).checked_sub(4)?)?)));
            let (mut sum, mut mean) = (0.0, Level::default());
            for (weight, level) in near {
                sum += weight;
                mean.rms += weight * level.rms;
                mean.peak += weight * level.peak;
            }
            Level { rms: mean.rms / sum, peak: mean.peak / sum }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outline_stays_inside_and_is_symmetric() {
        let levels: Vec<Level> = (0..50).map(|i| Level { rms: i as f32 / 40.0, peak: 2.0 }).collect();
        let rect = Rect::from_min_size(pos2(10.0, 20.0), egui::vec2(300.0, 80.0));
        let mut mesh = Mesh::default();
        add_side(&mut mesh, rect, &levels, -1.0, rms_height, Color32::RED);
        add_side(&mut mesh, rect, &levels, 1.0, peak_height, Color32::RED);
        assert!(mesh.vertices.iter().all(|v| rect.expand(0.01).contains(v.pos)));
        assert!(mesh.is_valid());
        assert_eq!(mesh.vertices.len(), 400);
    }

    #[test]
    fn no_history_draws_nothing() {
        let mut mesh = Mesh::default();
        add_side(&mut mesh, Rect::EVERYTHING, &[], 1.0, rms_height, Color32::RED);
        assert!(mesh.vertices.is_empty());
    }
}
