//! The elements of SVG that the picture is made of, as text. Numbers have one digit after the point and text is
//! escaped; what is drawn where, others know.

use std::fmt::Write as _;

/// How wide a character of a label is, at most, in pixels. The labels are set in a fixed pitch of 10 px.
const LABEL_PITCH: f64 = 6.1;

/// An SVG file in the making.
pub(super) struct Paper {
    text: String,
}

impl Paper {
    pub(super) const fn new() -> Self {
        Self {
            text: String::new(),
        }
    }

    pub(super) fn raw(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// A rectangle, with a hint that browsers show under the pointer.
    pub(super) fn rect(&mut self, class: &str, at: Box, hint: Option<&str>) {
        let Box { x, y, w, h } = at;
        let (x, y, w, h) = (number(x), number(y), number(w), number(h));
        self.write(&format!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\""
        ));
        match hint {
            Some(hint) => self.raw(&format!("><title>{}</title></rect>", escape(hint))),
            None => self.raw("/>"),
        }
    }

    /// One path; `hint` as for [`Paper::rect`].
    pub(super) fn path(&mut self, class: &str, d: &str, hint: Option<&str>) {
        if d.is_empty() {
            return;
        }
        self.write(&format!("<path class=\"{class}\" d=\"{d}\""));
        match hint {
            Some(hint) => self.raw(&format!("><title>{}</title></path>", escape(hint))),
            None => self.raw("/>"),
        }
    }

    /// Text with its baseline at (`x`, `y`).
    pub(super) fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
        let (x, y) = (number(x), number(y));
        self.raw(&format!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>",
            escape(text)
        ));
    }

    /// The first of `labels` that fits, centred in `at`; none if all are too long.
    pub(super) fn label(&mut self, class: &str, at: Box, labels: &[String]) {
        let fits = |label: &&String| width(label) + 4.0 <= at.w;
        if let Some(label) = labels.iter().find(fits) {
            let (x, y) = (at.x + at.w / 2.0, at.y + at.h / 2.0 + 3.5);
            self.text(class, x, y, label);
        }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn write(&mut self, text: &str) {
        self.text.push_str(text);
    }
}

/// A place on the paper, in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Box {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) w: f64,
    pub(super) h: f64,
}

impl Box {
    pub(super) const fn new(x: f64, y: f64, w: f64, h: f64) -> Self {
        Self { x, y, w, h }
    }
}

/// Ticks of one height, one a pixel at most, as one path.
pub(super) struct Ticks {
    d: String,
    height: f64,
    y: f64,
    last: f64,
}

impl Ticks {
    pub(super) const fn new(y: f64, height: f64) -> Self {
        Self {
            d: String::new(),
            height,
            y,
            last: f64::NEG_INFINITY,
        }
    }

    /// A tick at `x`; ticks come from left to right.
    pub(super) fn at(&mut self, x: f64) {
        if x < self.last + 1.0 {
            return;
        }
        self.last = x;
        let (x, y, height) = (number(x), number(self.y), number(self.height));
        write!(self.d, "M{x} {y}v{height}").expect("writing to a string does not fail");
    }

    pub(super) fn draw(self, paper: &mut Paper, class: &str, hint: Option<&str>) {
        paper.path(class, &self.d, hint);
    }
}

/// How wide a label is, in pixels.
#[expect(clippy::cast_precision_loss)] // labels are short
pub(super) fn width(label: &str) -> f64 {
    label.chars().count() as f64 * LABEL_PITCH
}

/// At most `most` characters; what is left out is shown as `…`.
pub(super) fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// One digit after the point, and none if it is 0.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0")
        .map_or_else(|| text.clone(), str::to_owned)
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // XML has no way to write most control characters.
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}
