//! The lanes: one for each node (its lives, its configurations, its deliveries) and one for each address.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Address, Lane, Mark, Picture, STEP_NS, Stay,
    draw::{LEFT, Scale},
    paper::{Box, Paper, Ticks, number, shorten},
    style::{CONFIGURATION_COLOURS, OWNER_COLOURS, SHADES},
};
use crate::trace::{ConfKind, Text};

/// Narrower than this, a period is a tick.
const LEAST_BLOCK: f64 = 1.5;
/// Marks of one kind that are closer than this are one.
const LEAST_APART: f64 = 5.0;
/// How wide a step of the deliveries is, at least.
const SHADE_PIXELS: u64 = 3;

/// Where the parts of a node's lane are, below its upper edge.
const LIFE: (f64, f64) = (5.0, 6.0);
const CONFIGURATION: (f64, f64) = (15.0, 17.0);
const DELIVERIES: (f64, f64) = (34.0, 6.0);
const LANE: f64 = 47.0;

const ADDRESS: (f64, f64) = (3.0, 12.0);
const ADDRESS_LANE: f64 = 21.0;

/// Draws the lanes of all nodes from `y` on; returns where they end.
pub(super) fn nodes(paper: &mut Paper, picture: &Picture, scale: Scale, y: f64) -> f64 {
    let mut y = y;
    let most = most_deliveries(picture, scale);
    for node in &picture.nodes {
        let lane = &picture.lanes[node];
        rule(paper, y);
        name(paper, picture, node, lane, y);
        lives(paper, lane, scale, y);
        for stay_class in [ConfKind::Regular, ConfKind::Transitional] {
            configurations(paper, picture, lane, scale, y, stay_class);
        }
        deliveries(paper, lane, scale, y, most);
        marks(paper, lane, scale, y);
        y += LANE;
    }
    rule(paper, y);
    y
}

fn rule(paper: &mut Paper, y: f64) {
    paper.path("rule", &format!("M12 {y}H1188", y = number(y)), None);
}

fn name(paper: &mut Paper, picture: &Picture, node: &Text, lane: &Lane, y: f64) {
    paper.text("name", 30.0, y + 20.0, &shorten(node, 14));
    let colour = owner(picture, node);
    paper.rect(&colour, Box::new(12.0, y + 10.5, 11.0, 11.0), Some(node));
    let lives = lane.lives.len();
    if lives > 1 {
        paper.text("faint", 30.0, y + 35.0, &format!("{lives} lives"));
    }
}

fn owner(picture: &Picture, node: &Text) -> String {
    format!("o{}", picture.number_of(node) % OWNER_COLOURS)
}

fn lives(paper: &mut Paper, lane: &Lane, scale: Scale, y: f64) {
    let (top, height) = (y + LIFE.0, LIFE.1);
    let middle = number(top + height / 2.0);
    let d = format!("M{} {middle}H{}", number(LEFT), number(scale.x(scale.to)));
    paper.path("base", &d, None);
    periods(paper, "alive", &lane.lives, scale, (top, height));
    periods(paper, "paused", &lane.pauses, scale, (top, height));
}

fn periods(paper: &mut Paper, class: &str, of: &[(u64, u64)], scale: Scale, at: (f64, f64)) {
    let mut drawn = f64::NEG_INFINITY;
    for (from, to) in of {
        let mut place = scale.place(*from, *to, at.0, at.1);
        place.w = place.w.max(1.0);
        // What is no wider than a pixel and lies on the one before adds nothing.
        if place.x + place.w > drawn + 0.5 {
            drawn = place.x + place.w;
            paper.rect(class, place, None);
        }
    }
}

fn configurations(
    paper: &mut Paper,
    picture: &Picture,
    lane: &Lane,
    scale: Scale,
    y: f64,
    kind: ConfKind,
) {
    let (top, height) = (y + CONFIGURATION.0, CONFIGURATION.1);
    let mut brief = match kind {
        ConfKind::Regular => Ticks::new(top, height),
        ConfKind::Transitional => Ticks::new(top - 2.0, height + 4.0),
    };
    for stay in lane.stays.iter().filter(|stay| stay.kind == kind) {
        let place = scale.place(stay.from, stay.to, top, height);
        if place.w < LEAST_BLOCK {
            brief.at(place.x);
            continue;
        }
        let class = match kind {
            ConfKind::Transitional => "transblock".to_owned(),
            ConfKind::Regular => picture.shared.get(&stay.conf).map_or_else(
                || "alone".to_owned(),
                |number| format!("c{}", number % CONFIGURATION_COLOURS),
            ),
        };
        let block = Box {
            w: place.w - 0.6,
            ..place
        };
        paper.rect(&class, block, Some(&hint(stay)));
        let ink = match kind {
            ConfKind::Regular => "in",
            ConfKind::Transitional => "on",
        };
        paper.label(ink, place, &labels(stay));
    }
    match kind {
        ConfKind::Regular => brief.draw(paper, "brief", None),
        ConfKind::Transitional => brief.draw(paper, "trans", None),
    }
}

fn hint(stay: &Stay) -> String {
    let members: Vec<String> = stay.members.iter().map(ToString::to_string).collect();
    let kind = crate::export::view::kind_name(stay.kind);
    format!("{kind} {}: {}", stay.conf, members.join(" "))
}

/// The id and the number of members, the longest first.
fn labels(stay: &Stay) -> Vec<String> {
    let count = stay.members.len();
    let brief = stay.conf.split('#').next().unwrap_or_default();
    [
        format!("{} ({count})", shorten(&stay.conf, 24)),
        format!("{} ({count})", shorten(brief, 10)),
        format!("({count})"),
    ]
    .to_vec()
}

/// How many steps of [`STEP_NS`] are one step of the picture.
fn steps(scale: Scale) -> u64 {
    (scale.pixel_ns() * SHADE_PIXELS).div_ceil(STEP_NS).max(1)
}

fn gathered(lane: &Lane, scale: Scale) -> BTreeMap<u64, u32> {
    let steps = steps(scale);
    let mut sums: BTreeMap<u64, u32> = BTreeMap::new();
    for (step, count) in &lane.deliveries {
        *sums.entry(step / steps).or_default() += count;
    }
    sums
}

/// The most deliveries of a node in a step of the picture, and how long that step is in milliseconds.
pub(super) fn busiest(picture: &Picture, scale: Scale) -> (u32, u64) {
    let step_ms = steps(scale) * STEP_NS / 1_000_000;
    (most_deliveries(picture, scale), step_ms)
}

fn most_deliveries(picture: &Picture, scale: Scale) -> u32 {
    let most = |lane: &Lane| gathered(lane, scale).into_values().max();
    picture.lanes.values().filter_map(most).max().unwrap_or(0)
}

/// Darker for more, by the logarithm: a lone message and a flood are both seen.
fn deliveries(paper: &mut Paper, lane: &Lane, scale: Scale, y: f64, most: u32) {
    let (top, height) = (y + DELIVERIES.0, DELIVERIES.1);
    let length = steps(scale) * STEP_NS;
    let mut strips: Vec<(u64, u64, u32)> = Vec::new();
    for (step, count) in gathered(lane, scale) {
        let shade = shade(count, most);
        let (from, to) = (step * length, (step + 1) * length);
        match strips.last_mut() {
            Some(last) if last.1 == from && last.2 == shade => last.1 = to,
            _ => strips.push((from, to, shade)),
        }
    }
    for (from, to, shade) in strips {
        let place = scale.place(from, to, top, height);
        paper.rect(&format!("h{shade}"), place, None);
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and SHADES
fn shade(count: u32, most: u32) -> u32 {
    let share = f64::from(count).ln_1p() / f64::from(most.max(1)).ln_1p();
    ((share * f64::from(SHADES)).ceil() as u32).clamp(1, SHADES)
}

fn marks(paper: &mut Paper, lane: &Lane, scale: Scale, y: f64) {
    let mut last: Option<(Mark, f64)> = None;
    for (at, mark, what) in &lane.marks {
        let x = scale.x(*at);
        if last.is_some_and(|(kind, before)| kind == *mark && x < before + LEAST_APART) {
            continue;
        }
        last = Some((*mark, x));
        let hint = format!("{} s: {what}", number(seconds(*at)));
        glyph(paper, *mark, x, y + row(*mark), Some(&hint));
    }
}

/// A disk fault often comes with a loss of power; they do not share a row.
fn row(mark: Mark) -> f64 {
    let (top, height) = match mark {
        Mark::Start | Mark::Stop | Mark::Kill | Mark::Power => LIFE,
        Mark::Disk | Mark::Gap => DELIVERIES,
    };
    top + height / 2.0
}

#[expect(clippy::cast_precision_loss)] // a hint shows a tenth of a second
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// The sign of a mark around (`x`, `y`).
pub(super) fn glyph(paper: &mut Paper, mark: Mark, x: f64, y: f64, hint: Option<&str>) {
    let at = format!("M{} {}", number(x), number(y));
    let (class, d) = match mark {
        Mark::Start => ("startmark", format!("{at}m0-5v10l7-5z")),
        Mark::Stop => ("stopmark", format!("{at}m-4-4h8v8h-8z")),
        Mark::Kill => ("killmark", format!("{at}m-4-4l8 8m0-8l-8 8")),
        Mark::Power => ("powermark", format!("{at}m2-7l-6 8h4l-2 6l6-8h-4z")),
        Mark::Disk => ("diskmark", format!("{at}m0-4.5l4.5 4.5l-4.5 4.5l-4.5-4.5z")),
        Mark::Gap => ("gapmark", format!("{at}m-4.5-4h9l-4.5 8z")),
    };
    paper.path(class, &d, hint);
}

/// Draws the lanes of all addresses from `y` on; returns where they end.
pub(super) fn addresses(paper: &mut Paper, picture: &Picture, scale: Scale, y: f64) -> f64 {
    let mut y = y + 5.0;
    for (vip, address) in &picture.addresses {
        let plain = vip.split('/').next().unwrap_or_default();
        paper.text("end", LEFT - 10.0, y + 13.0, &shorten(plain, 19));
        holders(paper, picture, address, scale, y);
        let mut missed = Ticks::new(y + ADDRESS.0 + ADDRESS.1 + 1.0, 4.0);
        for at in &address.unanswered {
            missed.at(scale.x(*at));
        }
        missed.draw(paper, "miss", Some("a probe without an answer"));
        y += ADDRESS_LANE;
    }
    y
}

fn holders(paper: &mut Paper, picture: &Picture, address: &Address, scale: Scale, y: f64) {
    let (top, height) = (y + ADDRESS.0, ADDRESS.1);
    let middle = number(top + height / 2.0);
    let d = format!("M{} {middle}H{}", number(LEFT), number(scale.x(scale.to)));
    paper.path("base", &d, None);
    let mut brief = Ticks::new(top, height);
    let mut brief_wrong = Ticks::new(top, height);
    for share in shares(picture, &address.held) {
        let place = scale.place(share.from, share.to, top, height);
        if place.w < LEAST_BLOCK {
            let ticks = if share.wrong {
                &mut brief_wrong
            } else {
                &mut brief
            };
            ticks.at(place.x);
            continue;
        }
        let names: Vec<&str> = share.by.iter().map(|node| node.as_str()).collect();
        let hint = format!("held by {}", names.join(" and "));
        let block = Box {
            w: place.w - 0.6,
            ..place
        };
        let classes: Vec<String> = share.by.iter().map(|node| owner(picture, node)).collect();
        if share.wrong {
            paper.rect("both", block, Some(&hint));
        } else {
            stack(paper, &classes, block, Some(&hint));
        }
        paper.label("on", place, &[names.join("+")]);
    }
    brief.draw(paper, "brief", None);
    brief_wrong.draw(paper, "miss", Some("held twice in one configuration"));
}

/// One colour above the other; more than one are framed, since it is worth a look.
#[expect(clippy::cast_precision_loss)] // a few
pub(super) fn stack(paper: &mut Paper, classes: &[String], place: Box, hint: Option<&str>) {
    let h = place.h / classes.len() as f64;
    for (number, class) in classes.iter().enumerate() {
        let y = place.y + h * number as f64;
        paper.rect(class, Box { y, h, ..place }, hint);
    }
    if classes.len() > 1 {
        let (x, y, w) = (number(place.x), number(place.y), number(place.w));
        let d = format!("M{x} {y}h{w}m0 {}h-{w}", number(place.h));
        paper.path("miss", &d, None);
    }
}

/// A stretch of time in which an address has the same holders.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Share {
    from: u64,
    to: u64,
    /// At least one.
    pub(super) by: BTreeSet<Text>,
    /// Whether two of them are in the same configuration. On two sides of a partition an address may well be held
    /// twice; each side serves its own.
    pub(super) wrong: bool,
}

/// Who holds an address when.
pub(super) fn shares(picture: &Picture, held: &[(u64, u64, Text)]) -> Vec<Share> {
    let holders: BTreeSet<&Text> = held.iter().map(|period| &period.2).collect();
    let stays = |node: &Text| picture.lanes.get(node).map_or(&[][..], |lane| &lane.stays);
    let mut times: BTreeSet<u64> = held.iter().flat_map(|(from, to, _)| [*from, *to]).collect();
    for node in holders {
        times.extend(stays(node).iter().flat_map(|stay| [stay.from, stay.to]));
    }
    let times: Vec<u64> = times.into_iter().collect();
    let mut found: Vec<Share> = Vec::new();
    for pair in times.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let by: BTreeSet<Text> = held
            .iter()
            .filter(|period| period.0 <= from && to <= period.1)
            .map(|(_, _, node)| node.clone())
            .collect();
        if by.is_empty() {
            continue;
        }
        let mut seen = BTreeSet::new();
        let wrong = by.len() > 1
            && by.iter().any(|node| {
                let stays = stays(node);
                let now = stays.partition_point(|stay| stay.from <= from);
                let stay = now.checked_sub(1).map(|index| &stays[index]);
                stay.is_some_and(|stay| to <= stay.to && !seen.insert(&stay.conf))
            });
        match found.last_mut() {
            Some(last) if last.to == from && last.by == by && last.wrong == wrong => last.to = to,
            _ => found.push(Share {
                from,
                to,
                by,
                wrong,
            }),
        }
    }
    found
}
