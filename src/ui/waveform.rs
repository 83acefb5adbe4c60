//! The last seconds of sound as a filled, mirrored envelope: new sound leaves the talk button to both sides and fades.

use crate::audio::level::{HISTORY_FRAMES, Level, LevelMeter};
use egui::epaint::{Mesh, Vertex, WHITE_UV};
use egui::{Color32, Painter, Pos2, Rect, pos2};

/// The history in here is drawn once for each side, newest in the middle.
pub fn paint(painter: &Painter, rect: Rect, meter: &LevelMeter, color: Color32) {
    let levels = smooth(&meter.history(HISTORY_FRAMES));
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
        // Half a point at least: silence is a thin line, not nothing.
        let dy = (height(level) * rect.height() / 2.0).max(0.5);
        let shade = color.gamma_multiply((1.0 - age).powf(0.8));
        for y in [rect.center().y - dy, rect.center().y + dy] {
            mesh.vertices.push(vertex(pos2(x, y), shade));
        }
        if i > 0 {
            let n = first + 2 * i as u32;
            mesh.indices.extend([n - 2, n - 1, n, n - 1, n, n + 1]);
        }
    }
}

fn vertex(pos: Pos2, color: Color32) -> Vertex {
    Vertex { pos, uv: WHITE_UV, color }
}

/// Loudness is heard by its logarithm; a root is near enough and needs no floor.
fn rms_height(level: &Level) -> f32 {
    (level.rms.clamp(0.0, 1.0) * 2.0).powf(0.6).min(1.0)
}

fn peak_height(level: &Level) -> f32 {
    level.peak.clamp(0.0, 1.0).powf(0.6)
}

/// A moving mean over five frames (100 ms): the outline flows instead of trembling.
fn smooth(levels: &[Level]) -> Vec<Level> {
    (0..levels.len())
        .map(|i| {
            let window = levels.get(i.saturating_sub(2)..(i + 3).min(levels.len())).unwrap_or_default();
            let n = window.len().max(1) as f32;
            Level { rms: window.iter().map(|l| l.rms).sum::<f32>() / n, peak: window.iter().map(|l| l.peak).sum::<f32>() / n }
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
        assert_eq!(mesh.vertices.len(), 200);
    }

    #[test]
    fn no_history_draws_nothing() {
        let mut mesh = Mesh::default();
        add_side(&mut mesh, Rect::EVERYTHING, &[], 1.0, rms_height, Color32::RED);
        assert!(mesh.vertices.is_empty());
    }
}
