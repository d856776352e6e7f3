//! The key: what the colours and signs mean. Only what occurs in the picture is in it.

use super::{
    Mark, Picture,
    draw::Scale,
    lanes, links,
    paper::{Box, Paper, number},
};
use crate::trace::ConfKind;

/// How wide a character of the key is, on average, in pixels.
const PITCH: f64 = 5.9;
const ROW: f64 = 19.0;
const LEFT: f64 = 12.0;

/// What an entry shows beside its words.
enum Sample {
    Block(&'static [&'static str]),
    Line(&'static str),
    Sign(Mark),
    /// Two holders of an address.
    Stack,
}

/// Draws the key from `y` on; returns where it ends.
pub(super) fn key(paper: &mut Paper, picture: &Picture, scale: Scale, y: f64, right: f64) -> f64 {
    let (mut x, mut y) = (LEFT, y);
    for (sample, words) in entries(picture, scale) {
        let swatch = match &sample {
            Sample::Block(classes) => 12.0 * number_of(classes),
            Sample::Line(_) | Sample::Sign(_) | Sample::Stack => 12.0,
        };
        let length = swatch + 6.0 + PITCH * number_of(&words.chars().collect::<Vec<_>>()) + 18.0;
        if x + length > right && x > LEFT {
            x = LEFT;
            y += ROW;
        }
        draw(paper, &sample, x, y);
        paper.text("key", x + swatch + 5.0, y, &words);
        x += length;
    }
    y
}

#[expect(clippy::cast_precision_loss)] // a few items
const fn number_of<T>(items: &[T]) -> f64 {
    items.len() as f64
}

fn draw(paper: &mut Paper, sample: &Sample, x: f64, y: f64) {
    match sample {
        Sample::Block(classes) => {
            let mut x = x;
            for class in *classes {
                paper.rect(class, Box::new(x, y - 9.0, 12.0, 10.0), None);
                x += 12.0;
            }
        }
        Sample::Line(class) => {
            let d = format!("M{} {}v14", number(x + 6.0), number(y - 11.0));
            paper.path(class, &d, None);
        }
        Sample::Stack => {
            let place = Box::new(x, y - 10.0, 12.0, 12.0);
            lanes::stack(paper, &["o0".to_owned(), "o1".to_owned()], place, None);
        }
        Sample::Sign(mark) => lanes::glyph(paper, *mark, x + 5.0, y - 4.0, None),
    }
}

fn entries(picture: &Picture, scale: Scale) -> Vec<(Sample, String)> {
    let mut all = Vec::new();
    let mut add = |shown: bool, sample: Sample, words: &str| {
        if shown {
            all.push((sample, words.to_owned()));
        }
    };
    let some = |test: fn(&super::Lane) -> bool| picture.lanes.values().any(test);
    add(
        some(|lane| !lane.lives.is_empty()),
        Sample::Block(&["alive"]),
        "process alive",
    );
    add(
        some(|lane| !lane.pauses.is_empty()),
        Sample::Block(&["paused"]),
        "paused",
    );
    for (mark, words) in [
        (Mark::Start, "start"),
        (Mark::Stop, "stop in good order"),
        (Mark::Kill, "process killed"),
        (Mark::Power, "power lost"),
        (Mark::Disk, "disk fault"),
        (Mark::Gap, "gap in a log reported here"),
    ] {
        let marked = picture.lanes.values().flat_map(|lane| &lane.marks);
        add(
            marked.into_iter().any(|found| found.1 == mark),
            Sample::Sign(mark),
            words,
        );
    }
    add(
        !picture.shared.is_empty(),
        Sample::Block(&["c0", "c1", "c2"]),
        "configuration: id (members); equal colour, equal id",
    );
    add(
        some(|lane| {
            let alone =
                |stay: &super::Stay| stay.kind == ConfKind::Regular && stay.members.len() == 1;
            lane.stays.iter().any(alone)
        }),
        Sample::Block(&["alone"]),
        "alone in a configuration",
    );
    add(
        some(|lane| {
            lane.stays
                .iter()
                .any(|stay| stay.kind == ConfKind::Transitional)
        }),
        Sample::Line("trans"),
        "transitional configuration",
    );
    let (most, step_ms) = lanes::busiest(picture, scale);
    let deliveries = format!("deliveries, darkest: {most} in {step_ms} ms");
    add(most > 0, Sample::Block(&["h1", "h3", "h5"]), &deliveries);
    links_and_addresses(picture, &mut add);
    let calm = picture.phases.iter().any(|phase| phase.2);
    add(calm, Sample::Line("calmline"), "calm begins");
    all
}

fn links_and_addresses(picture: &Picture, add: &mut impl FnMut(bool, Sample, &str)) {
    let nodes = picture
        .run
        .as_ref()
        .map_or(&picture.nodes, |run| &run.nodes);
    let cuts = links::stretches(&picture.cuts);
    let split = |cut: &super::Cut| links::meaning(&cut.links, nodes).split;
    add(
        cuts.iter().any(split),
        Sample::Block(&["split"]),
        "partition: its sides",
    );
    add(
        cuts.iter().any(|cut| !split(cut)),
        Sample::Block(&["partial"]),
        "links lost: from\u{2192}to",
    );
    let held = picture
        .addresses
        .values()
        .any(|address| !address.held.is_empty());
    add(
        held,
        Sample::Block(&["o0", "o1", "o2"]),
        "address held, in the colour of the node",
    );
    let shares: Vec<lanes::Share> = picture
        .addresses
        .values()
        .flat_map(|address| lanes::shares(picture, &address.held))
        .collect();
    let apart = shares
        .iter()
        .any(|share| share.by.len() > 1 && !share.wrong);
    add(
        apart,
        Sample::Stack,
        "held by several that share no configuration",
    );
    let both = shares.iter().any(|share| share.wrong);
    add(
        both,
        Sample::Block(&["both"]),
        "held twice in one configuration",
    );
    let missed = picture
        .addresses
        .values()
        .any(|address| !address.unanswered.is_empty());
    add(missed, Sample::Line("miss"), "probe without an answer");
}
