//! The sheet: title, axis, what is common to all nodes, one lane below the other, the key.

use std::fmt::Write as _;

use super::{
    Picture, lanes, links,
    paper::{Box, Paper, number, shorten, width},
    style::STYLE,
};
use crate::{
    export::view::Outcome,
    trace::{ConfKind, Text},
};

/// The whole sheet, in pixels.
const WIDTH: f64 = 1200.0;
/// Where the axis begins: names stand to the left of it.
pub(super) const LEFT: f64 = 140.0;
/// Where the axis ends: half of the last number of the axis stands to the right of it.
const RIGHT: f64 = 1172.0;

/// From time to pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Scale {
    #[expect(clippy::cast_precision_loss)] // the paper has no use for the digits lost
    pub(super) fn x(self, at: u64) -> f64 {
        let at = at.clamp(self.from, self.to) - self.from;
        LEFT + (RIGHT - LEFT) * at as f64 / (self.to - self.from).max(1) as f64
    }

    /// The place of a period, `y` and `h` given.
    pub(super) fn place(self, from: u64, to: u64, y: f64, h: f64) -> Box {
        let (left, right) = (self.x(from), self.x(to));
        Box::new(left, y, right - left, h)
    }

    /// How much time a pixel is.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // the axis has a thousand pixels
    pub(super) const fn pixel_ns(self) -> u64 {
        (self.to - self.from) / (RIGHT - LEFT) as u64
    }
}

/// The picture as an SVG file.
pub(super) fn draw(mut picture: Picture, outcome: &Outcome) -> String {
    let scale = Scale {
        from: outcome.from,
        to: outcome.to,
    };
    picture.put_in_order();
    let mut paper = Paper::new();
    let mut y = head(&mut paper, &picture, outcome);
    if outcome.broken_at.is_some() {
        y += 14.0;
    }
    y = phases(&mut paper, &picture, scale, y);
    let top = y;
    let mut lower = Paper::new();
    y = network(&mut lower, &picture, scale, y + 20.0);
    y = lanes::nodes(&mut lower, &picture, scale, y);
    y = lanes::addresses(&mut lower, &picture, scale, y);
    axis(&mut paper, scale, top, y);
    lines(&mut paper, &picture, outcome, scale, top, y);
    // Behind the lanes, so that no line crosses a label; a violation is worth crossing one.
    paper.raw(lower.finish().trim_end());
    violation(&mut paper, outcome, scale, top, y);
    let bottom = super::key::key(&mut paper, &picture, scale, y + 22.0, WIDTH);
    sheet(&paper.finish(), bottom + 10.0)
}

impl Picture {
    /// Nodes that are shown, periods from left to right, configurations numbered as they first appear.
    fn put_in_order(&mut self) {
        let lanes = &self.lanes;
        self.nodes.retain(|node| lanes.contains_key(node));
        for lane in self.lanes.values_mut() {
            lane.stays.sort_by_key(|stay| stay.from);
            lane.marks.sort_by_key(|mark| (mark.1, mark.0));
        }
        let mut shared: Vec<(u64, &Text)> = self
            .lanes
            .values()
            .flat_map(|lane| &lane.stays)
            .filter(|stay| stay.kind == ConfKind::Regular && stay.members.len() > 1)
            .map(|stay| (stay.from, &stay.conf))
            .collect();
        shared.sort();
        for (_, conf) in shared {
            let next = self.shared.len();
            self.shared.entry(conf.clone()).or_insert(next);
        }
    }

    /// Which of the nodes of the run this is, shown or not; gives its colour.
    pub(super) fn number_of(&self, node: &Text) -> usize {
        let of_run = self.run.as_ref().map(|run| &run.nodes);
        let all = of_run.filter(|nodes| nodes.contains(node));
        let all = all.unwrap_or(&self.nodes);
        all.iter().position(|name| name == node).unwrap_or_default()
    }

    fn title(&self, outcome: &Outcome) -> String {
        let verdict = outcome
            .verdict
            .as_deref()
            .unwrap_or("none, the trace is cut off");
        let seed = self
            .run
            .as_ref()
            .map_or_else(|| "unknown".to_owned(), |run| run.seed.to_string());
        format!("Ringfort simulation \u{b7} seed {seed} \u{b7} verdict: {verdict}")
    }

    fn subtitle(&self, outcome: &Outcome) -> String {
        let mut text = String::new();
        if let Some(run) = &self.run {
            let commit = if run.commit.is_empty() {
                "unknown"
            } else {
                run.commit.get(..12).unwrap_or(&run.commit)
            };
            let _ = write!(text, "commit {commit} \u{b7} ");
        }
        let nodes = match self.nodes.len() {
            1 => "1 node".to_owned(),
            more => format!("{more} nodes"),
        };
        let (from, to, end) = (
            seconds(outcome.from),
            seconds(outcome.to),
            seconds(outcome.end),
        );
        let _ = write!(
            text,
            "{nodes} \u{b7} {from} to {to} of {end} simulated seconds \u{b7} {} messages sent, {} delivered, {} shared configurations",
            self.sent,
            self.delivered,
            self.shared.len(),
        );
        let faults = self.run.as_ref().map(|run| {
            run.options
                .faults
                .iter()
                .map(Text::as_str)
                .collect::<Vec<_>>()
        });
        match faults.as_deref() {
            None | Some([]) => {}
            Some(kinds) => {
                let _ = write!(text, " \u{b7} faults: {}", kinds.join(", "));
            }
        }
        shorten(&text, 205)
    }
}

/// Seconds with at most three digits after the point.
fn seconds(ns: u64) -> String {
    let ms = ns / 1_000_000;
    let text = format!("{}.{:03}", ms / 1000, ms % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn head(paper: &mut Paper, picture: &Picture, outcome: &Outcome) -> f64 {
    let class = if outcome.broken_at.is_some() {
        "title wrongtext"
    } else {
        "title"
    };
    paper.text(class, 12.0, 26.0, &picture.title(outcome));
    paper.text("sub", 12.0, 45.0, &picture.subtitle(outcome));
    58.0
}

fn phases(paper: &mut Paper, picture: &Picture, scale: Scale, y: f64) -> f64 {
    paper.text("faint end", LEFT - 10.0, y + 10.5, "phase");
    for (from, to, calm) in &picture.phases {
        let place = scale.place(*from, *to, y, 14.0);
        let (class, label) = if *calm {
            ("calm", "calm: no new fault")
        } else {
            ("faults", "faults strike")
        };
        paper.rect(class, place, None);
        paper.label("in", place, &[label.to_owned(), label[..4].to_owned()]);
    }
    y + 14.0
}

/// The links that are lost; nothing if none ever is.
fn network(paper: &mut Paper, picture: &Picture, scale: Scale, y: f64) -> f64 {
    if picture.cuts.is_empty() {
        return y;
    }
    paper.text("faint end", LEFT - 10.0, y + 12.0, "links lost");
    let nodes = picture
        .run
        .as_ref()
        .map_or(&picture.nodes, |run| &run.nodes);
    let mut short = super::paper::Ticks::new(y, 16.0);
    for cut in links::stretches(&picture.cuts) {
        let place = scale.place(cut.from, cut.to, y, 16.0);
        if place.w < 1.5 {
            short.at(place.x);
            continue;
        }
        let meaning = links::meaning(&cut.links, nodes);
        let class = if meaning.split { "split" } else { "partial" };
        let ink = if meaning.split { "on" } else { "in" };
        let lost: Vec<String> = cut
            .links
            .iter()
            .map(|(a, b)| format!("{a} to {b}"))
            .collect();
        let hint = format!(
            "{} s to {} s: {}",
            seconds(cut.from),
            seconds(cut.to),
            lost.join(", ")
        );
        paper.rect(
            class,
            Box {
                w: place.w - 0.6,
                ..place
            },
            Some(&hint),
        );
        paper.label(ink, place, &meaning.labels);
    }
    short.draw(paper, "miss", None);
    y + 24.0
}

/// Lines and numbers of time, from `top` to `bottom`.
fn axis(paper: &mut Paper, scale: Scale, top: f64, bottom: f64) {
    let step = step(scale.pixel_ns().saturating_mul(80).max(1));
    let digits = match step {
        0..1_000_000 => 6,
        1_000_000..1_000_000_000 => 3,
        _ => 0,
    };
    let mut at = scale.from.next_multiple_of(step);
    let mut d = String::new();
    while at <= scale.to {
        let x = scale.x(at);
        let _ = write!(
            d,
            "M{} {}V{}",
            number(x),
            number(top + 16.0),
            number(bottom)
        );
        let fraction = format!("{:09}", at % 1_000_000_000);
        let point = if digits > 0 { "." } else { "" };
        let label = format!("{}{point}{} s", at / 1_000_000_000, &fraction[..digits]);
        paper.text("axis mid", x, top + 12.0, &label);
        at += step;
    }
    paper.path("grid", &d, None);
}

/// The least of 1, 2, 5, 10, … nanoseconds that is not below `least`.
fn step(least: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            if power.saturating_mul(factor) >= least {
                return power.saturating_mul(factor);
            }
        }
        power = power.saturating_mul(10);
    }
}

/// The instants that concern everybody: calm and the end.
fn lines(
    paper: &mut Paper,
    picture: &Picture,
    outcome: &Outcome,
    scale: Scale,
    top: f64,
    bottom: f64,
) {
    let mut line = |class: &str, at: u64, hint: &str| {
        let x = number(scale.x(at));
        let d = format!("M{x} {}V{}", number(top + 16.0), number(bottom));
        paper.path(class, &d, Some(hint));
    };
    for (from, ..) in picture.phases.iter().filter(|phase| phase.2) {
        line("calmline", *from, "calm: no fault is injected from here on");
    }
    if outcome.to == outcome.end {
        line("endline", outcome.end, "the end of the run");
    }
}

fn violation(paper: &mut Paper, outcome: &Outcome, scale: Scale, top: f64, bottom: f64) {
    let Some(at) = outcome
        .broken_at
        .filter(|at| (outcome.from..=outcome.to).contains(at))
    else {
        return;
    };
    let verdict = outcome.verdict.as_deref().unwrap_or_default();
    let d = format!(
        "M{} {}V{}",
        number(scale.x(at)),
        number(top),
        number(bottom)
    );
    paper.path("wrong", &d, Some(verdict));
    let label = format!("{verdict} broken");
    let x = scale.x(at);
    let (class, x) = if x + width(&label) > RIGHT {
        ("wrongtext end", x + 2.0)
    } else {
        ("wrongtext", x)
    };
    paper.text(class, x, top - 18.0, &label);
}

fn sheet(body: &str, height: f64) -> String {
    let mut paper = Paper::new();
    paper.rect("paper", Box::new(0.0, 0.0, WIDTH, height), None);
    let (paper, width, height) = (paper.finish(), number(WIDTH), number(height));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\">\n{STYLE}\n{paper}{body}</svg>\n"
    )
}
