//! Icons, drawn with lines in a square: no font has to have them.

use egui::epaint::{CircleShape, PathShape, PathStroke};
use egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, Vec2, pos2, vec2};
use std::f32::consts::TAU;

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Icon {
    /// A microphone.
    Microphone,
    /// Lines of text that appear: speech becomes text.
    Words,
    /// Three dots.
    Dots,
    /// A speaker with waves.
    Speaker,
    /// A square.
    Stop,
    /// A keyboard.
    Keyboard,
    /// Sliders: settings.
    Sliders,
    /// A cross.
    Close,
    /// A padlock.
    Lock,
    /// A plus.
    Plus,
    /// Two sheets.
    Copy,
    /// A tick.
    Check,
    /// A triangle with an exclamation mark.
    Warning,
    /// A circle with an i.
    Info,
    /// An arrow up: send.
    Send,
    /// A small angle to the right.
    Right,
    /// A small angle down.
    Down,
    /// A clock.
    Clock,
    /// A folder.
    Folder,
    /// Two arrows round: look again.
    Again,
}

/// Draws `icon` into the square of `size` points around `center`.
pub fn paint(painter: &Painter, icon: Icon, center: Pos2, size: f32, color: Color32) {
    let pen = Pen { painter, center, unit: size / 24.0, color };
    match icon {
        Icon::Microphone => microphone(&pen),
        Icon::Words => {
            pen.line(&[(-8.0, -6.0), (8.0, -6.0)]);
            pen.line(&[(-8.0, 0.0), (4.0, 0.0)]);
            pen.line(&[(-8.0, 6.0), (-1.0, 6.0)]);
            pen.dot(4.0, 6.0, 1.3);
            pen.dot(8.0, 6.0, 1.3);
        }
        Icon::Dots => [-7.0, 0.0, 7.0].into_iter().for_each(|x| pen.dot(x, 0.0, 2.2)),
        Icon::Speaker => speaker(&pen),
        Icon::Stop => pen.block(-6.0, -6.0, 6.0, 6.0, 2.0),
        Icon::Keyboard => keyboard(&pen),
        Icon::Sliders => {
            for (y, x) in [(-6.0, 3.0), (0.0, -4.0), (6.0, 5.0)] {
                pen.line(&[(-9.0, y), (x - 2.6, y)]);
                pen.line(&[(x + 2.6, y), (9.0, y)]);
                pen.ring(x, y, 2.6);
            }
        }
        Icon::Close => {
            pen.line(&[(-6.0, -6.0), (6.0, 6.0)]);
            pen.line(&[(6.0, -6.0), (-6.0, 6.0)]);
        }
        Icon::Lock => {
            pen.block(-6.5, -1.0, 6.5, 9.0, 2.5);
            pen.arc(0.0, -1.5, 4.2, 0.5, 1.0);
            pen.line(&[(-4.2, -1.5), (-4.2, 0.0)]);
            pen.line(&[(4.2, -1.5), (4.2, 0.0)]);
        }
        Icon::Plus => {
            pen.line(&[(-7.0, 0.0), (7.0, 0.0)]);
            pen.line(&[(0.0, -7.0), (0.0, 7.0)]);
        }
        Icon::Copy => {
            pen.frame(-3.0, -3.0, 8.0, 8.0, 2.0);
            pen.line(&[(-6.0, 4.0), (-7.5, 4.0), (-8.0, 3.0), (-8.0, -7.0), (-7.0, -8.0), (3.0, -8.0), (4.0, -7.5), (4.0, -6.0)]);
        }
        Icon::Check => pen.line(&[(-7.0, 0.5), (-2.0, 5.5), (7.0, -5.5)]),
        Icon::Warning => {
            pen.closed(&[(0.0, -8.5), (9.0, 7.5), (-9.0, 7.5)]);
            pen.line(&[(0.0, -3.0), (0.0, 2.4)]);
            pen.dot(0.0, 5.0, 1.1);
        }
        Icon::Info => {
            pen.ring(0.0, 0.0, 9.0);
            pen.line(&[(0.0, -0.5), (0.0, 4.5)]);
            pen.dot(0.0, -4.0, 1.2);
        }
        Icon::Send => {
            pen.line(&[(0.0, 7.5), (0.0, -7.0)]);
            pen.line(&[(-5.5, -1.5), (0.0, -7.0), (5.5, -1.5)]);
        }
        Icon::Right => pen.line(&[(-2.5, -5.0), (2.5, 0.0), (-2.5, 5.0)]),
        Icon::Down => pen.line(&[(-5.0, -2.5), (0.0, 2.5), (5.0, -2.5)]),
        Icon::Clock => {
            pen.ring(0.0, 0.0, 8.5);
            pen.line(&[(0.0, -4.5), (0.0, 0.0), (3.5, 2.5)]);
        }
        Icon::Folder => {
            pen.closed(&[(-9.0, -6.5), (-3.0, -6.5), (-1.0, -4.0), (9.0, -4.0), (9.0, 7.0), (-9.0, 7.0)]);
        }
        Icon::Again => {
            pen.arc(0.0, 0.0, 7.5, 0.08, 0.78);
            pen.line(&[(1.6, -10.4), (1.4, -7.0), (4.9, -6.4)]);
        }
    }
}

struct Pen<'a> {
    painter: &'a Painter,
    center: Pos2,
    unit: f32,
    color: Color32,
}

impl Pen<'_> {
    fn at(&self, x: f32, y: f32) -> Pos2 {
        self.center + vec2(x, y) * self.unit
    }

    fn width(&self) -> f32 {
        (1.7 * self.unit).max(1.2)
    }

    fn stroke(&self) -> Stroke {
        Stroke::new(self.width(), self.color)
    }

    fn line(&self, points: &[(f32, f32)]) {
        let points: Vec<Pos2> = points.iter().map(|&(x, y)| self.at(x, y)).collect();
        // egui's lines have flat ends; dots make them round.
        let ends = points.first().copied().into_iter().chain(points.last().copied());
        let dots: Vec<Shape> = ends.map(|p| CircleShape::filled(p, self.width() / 2.0, self.color).into()).collect();
        self.painter.extend(dots);
        self.painter.add(PathShape::line(points, PathStroke::from(self.stroke())));
    }

    fn closed(&self, points: &[(f32, f32)]) {
        let points = points.iter().map(|&(x, y)| self.at(x, y)).collect();
        self.painter.add(PathShape::closed_line(points, PathStroke::from(self.stroke())));
    }

    fn dot(&self, x: f32, y: f32, radius: f32) {
        self.painter.circle_filled(self.at(x, y), radius * self.unit, self.color);
    }

    fn ring(&self, x: f32, y: f32, radius: f32) {
        self.painter.circle_stroke(self.at(x, y), radius * self.unit, self.stroke());
    }

    /// An arc from `from` to `to`, in turns, clockwise from the right.
    fn arc(&self, x: f32, y: f32, radius: f32, from: f32, to: f32) {
        let points: Vec<(f32, f32)> = (0..=24)
            .map(|i| {
                let angle = (from + (to - from) * i as f32 / 24.0) * TAU;
                (x + radius * angle.cos(), y + radius * angle.sin())
            })
            .collect();
        self.line(&points);
    }

    fn rect(&self, x0: f32, y0: f32, x1: f32, y1: f32) -> Rect {
        Rect::from_min_max(self.at(x0, y0), self.at(x1, y1))
    }

    fn block(&self, x0: f32, y0: f32, x1: f32, y1: f32, radius: f32) {
        self.painter.rect_filled(self.rect(x0, y0, x1, y1), radius * self.unit, self.color);
    }

    fn frame(&self, x0: f32, y0: f32, x1: f32, y1: f32, radius: f32) {
        self.painter.rect_stroke(self.rect(x0, y0, x1, y1), radius * self.unit, self.stroke(), egui::StrokeKind::Middle);
    }
}

fn microphone(pen: &Pen<'_>) {
    pen.block(-3.6, -10.0, 3.6, 3.0, 3.6);
    pen.arc(0.0, -0.5, 6.8, 0.0, 0.5);
    pen.line(&[(0.0, 6.3), (0.0, 9.6)]);
    pen.line(&[(-3.4, 9.6), (3.4, 9.6)]);
}

fn speaker(pen: &Pen<'_>) {
    pen.painter.add(PathShape::convex_polygon(
        [(-9.5, -3.2), (-5.5, -3.2), (-5.5, 3.2), (-9.5, 3.2)].iter().map(|&(x, y)| pen.at(x, y)).collect(),
        pen.color,
        Stroke::NONE,
    ));
    pen.painter.add(PathShape::convex_polygon(
        [(-6.0, -3.2), (0.0, -8.0), (0.0, 8.0), (-6.0, 3.2)].iter().map(|&(x, y)| pen.at(x, y)).collect(),
        pen.color,
        Stroke::NONE,
    ));
    pen.arc(0.5, 0.0, 4.2, -0.14, 0.14);
    pen.arc(0.5, 0.0, 8.2, -0.15, 0.15);
}

fn keyboard(pen: &Pen<'_>) {
    pen.frame(-10.0, -6.5, 10.0, 6.5, 2.5);
    for y in [-2.8, 0.6] {
        for x in [-6.0, -2.0, 2.0, 6.0] {
            pen.dot(x, y, 0.95);
        }
    }
    pen.line(&[(-4.0, 3.7), (4.0, 3.7)]);
}

/// The program's own icon as pixels: the talk button with its microphone, on the dark background. `side` × `side` RGBA.
#[must_use]
pub fn window_icon(side: u32) -> egui::IconData {
    let t = super::theme::DARK;
    let mut rgba = Vec::with_capacity((side * side * 4) as usize);
    let unit = 64.0 / side as f32;
    for y in 0..side {
        for x in 0..side {
            // Four samples a pixel are enough for a taskbar.
            let mut sum = [0u32; 4];
            for (dx, dy) in [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)] {
                let p = pos2((x as f32 + dx) * unit - 32.0, (y as f32 + dy) * unit - 32.0);
                let color = if in_microphone(p.to_vec2()) {
                    t.on_phase
                } else if p.to_vec2().length() < 30.0 {
                    t.accent
                } else {
                    Color32::TRANSPARENT
                };
                for (s, c) in sum.iter_mut().zip(color.to_array()) {
                    *s += u32::from(c);
                }
            }
            rgba.extend(sum.map(|s| (s / 4) as u8));
        }
    }
    egui::IconData { rgba, width: side, height: side }
}

fn in_microphone(p: Vec2) -> bool {
    let body = vec2(p.x, p.y - p.y.clamp(-10.0, 0.0)).length() < 6.0;
    let yoke = (p - vec2(0.0, 0.0)).length();
    let cup = p.y > 0.0 && (10.0..13.0).contains(&yoke);
    let stem = p.x.abs() < 1.5 && (11.0..18.0).contains(&p.y);
    let foot = p.x.abs() < 6.5 && (16.5..19.5).contains(&p.y);
    body || cup || stem || foot
}
