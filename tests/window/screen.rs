//! What is to be seen: pictures of the screen, the talk button on them, words on them.

use super::session::Session;
use std::path::Path;
use std::process::{Command, Stdio};

/// Fill of the idle talk button, dark and light (`ui/theme.rs`, accent).
pub const IDLE: [[u8; 3]; 2] = [[0x6A, 0xA6, 0xFF], [0x1F, 0x6F, 0xEB]];
/// A channel may differ by this much from the colour: edges are smoothed, and the button may have a slight gradient.
const TOLERANCE: u8 = 20;
/// The button is 96 points wide; anything smaller than this, in pixels, is something else in the same colour.
const LEAST_WIDTH: usize = 48;

/// A picture, rows from the top, 3 bytes a pixel.
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub rgb: Vec<u8>,
}

impl Picture {
    /// The whole screen.
    pub fn of(session: &Session) -> Option<Picture> {
        Picture::from_ppm(&session.output("import", &["-window", "root", "-depth", "8", "ppm:-"])?)
    }

    /// Reads the format P6 with 8 bits a channel, as ImageMagick writes it: `P6 WIDTH HEIGHT 255`, then the pixels.
    pub fn from_ppm(bytes: &[u8]) -> Option<Picture> {
        let mut at = 0;
        let mut field = || {
            let start = at + bytes[at..].iter().position(|byte| !byte.is_ascii_whitespace())?;
            let end = start + bytes[start..].iter().position(u8::is_ascii_whitespace)?;
            at = end;
            std::str::from_utf8(&bytes[start..end]).ok()
        };
        let magic = field()?;
        let (width, height) = (field()?.parse().ok()?, field()?.parse().ok()?);
        let most = field()?;
        let rgb = bytes.get(at + 1..)?.to_vec();
        (magic == "P6" && most == "255" && rgb.len() == width * height * 3).then_some(Picture { width, height, rgb })
    }

    fn is(&self, pixel: usize, colour: [u8; 3]) -> bool {
        self.rgb[pixel * 3..pixel * 3 + 3].iter().zip(colour).all(|(have, want)| have.abs_diff(want) <= TOLERANCE)
    }

    /// The largest connected area of a colour that looks like a filled circle: its middle in pixels.
    pub fn disc(&self, colour: [u8; 3]) -> Option<(usize, usize)> {
        let mut seen = vec![false; self.width * self.height];
        let mut best = (0, None);
        for start in 0..seen.len() {
            if seen[start] || !self.is(start, colour) {
                continue;
            }
            let blob = self.blob(start, colour, &mut seen);
            if blob.area > best.0 && blob.is_disc() {
                best = (blob.area, Some((usize::midpoint(blob.left, blob.right), usize::midpoint(blob.top, blob.bottom))));
            }
        }
        best.1
    }

    /// The four-connected area around a pixel.
    fn blob(&self, start: usize, colour: [u8; 3], seen: &mut [bool]) -> Blob {
        let mut blob = Blob { left: usize::MAX, right: 0, top: usize::MAX, bottom: 0, area: 0 };
        let mut open = vec![start];
        seen[start] = true;
        while let Some(pixel) = open.pop() {
            let (x, y) = (pixel % self.width, pixel / self.width);
            blob.area += 1;
            blob.left = blob.left.min(x);
            blob.right = blob.right.max(x);
            blob.top = blob.top.min(y);
            blob.bottom = blob.bottom.max(y);
            let neighbours = [
                (x > 0).then(|| pixel - 1),
                (x + 1 < self.width).then_some(pixel + 1),
                (y > 0).then(|| pixel - self.width),
                (y + 1 < self.height).then_some(pixel + self.width),
            ];
            for next in neighbours.into_iter().flatten() {
                if !seen[next] && self.is(next, colour) {
                    seen[next] = true;
                    open.push(next);
                }
            }
        }
        blob
    }
}

struct Blob {
    left: usize,
    right: usize,
    top: usize,
    bottom: usize,
    area: usize,
}

impl Blob {
    /// A disc fills π/4 = 79 % of its square, less its icon; a ring or a line of text fills little, a box all of it.
    fn is_disc(&self) -> bool {
        let (width, height) = (self.right - self.left + 1, self.bottom - self.top + 1);
        let fill = self.area as f64 / (width * height) as f64;
        width >= LEAST_WIDTH && width.abs_diff(height) * 8 <= width && (0.45..0.86).contains(&fill)
    }
}

/// The idle talk button's middle, dark or light.
pub fn idle_button(session: &Session) -> Option<(usize, usize)> {
    let picture = Picture::of(session)?;
    IDLE.into_iter().find_map(|colour| picture.disc(colour))
}

/// All words on a picture file, lower case, read in several ways (dark on light, light on dark; blocks, single lines).
pub fn words_of(picture: &Path) -> String {
    let mut words = String::new();
    for negate in [true, false] {
        let prepared = picture.with_extension(if negate { "negative.png" } else { "positive.png" });
        let mut convert = Command::new("convert");
        convert.arg(picture).args(["-colorspace", "Gray", "-resize", "300%"]).args(negate.then_some("-negate"));
        if !convert.arg(&prepared).status().is_ok_and(|status| status.success()) {
            continue;
        }
        for layout in ["6", "11"] {
            let mut tesseract = Command::new("tesseract");
            tesseract.arg(&prepared).args(["stdout", "--psm", layout, "--dpi", "300"]).env("OMP_THREAD_LIMIT", "1");
            if let Ok(output) = tesseract.stderr(Stdio::null()).output() {
                words.push_str(&String::from_utf8_lossy(&output.stdout).to_lowercase());
            }
        }
        let _ = std::fs::remove_file(prepared);
    }
    words
}

/// All words in a window.
pub fn words_in(session: &Session, window: &str, folder: &Path) -> String {
    let picture = folder.join("window.png");
    let taken = session.command("import").args(["-window", window]).arg(&picture).status().is_ok_and(|status| status.success());
    if taken { words_of(&picture) } else { String::new() }
}
