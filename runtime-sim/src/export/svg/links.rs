//! The links that are lost, as stretches of time and in words: a partition is easier to read as its two sides than
//! as a list of links.

use std::collections::BTreeSet;

use super::Cut;
use crate::trace::Text;

/// The stretches in which some link is lost; in each, the lost links are the same.
pub(super) fn stretches(cuts: &[(u64, u64, Text, Text)]) -> Vec<Cut> {
    let times: BTreeSet<u64> = cuts
        .iter()
        .flat_map(|(from, to, ..)| [*from, *to])
        .collect();
    let times: Vec<u64> = times.into_iter().collect();
    let mut found: Vec<Cut> = Vec::new();
    for pair in times.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let links: BTreeSet<(Text, Text)> = cuts
            .iter()
            .filter(|cut| cut.0 <= from && to <= cut.1)
            .map(|(_, _, a, b)| (a.clone(), b.clone()))
            .collect();
        if links.is_empty() {
            continue;
        }
        match found.last_mut() {
            Some(last) if last.to == from && last.links == links => last.to = to,
            _ => found.push(Cut { from, to, links }),
        }
    }
    found
}

/// What the lost links mean.
pub(super) struct Meaning {
    /// Whether they part the nodes into sides that cannot hear each other.
    pub(super) split: bool,
    /// In words, the longest first.
    pub(super) labels: Vec<String>,
}

/// Puts lost links into words.
pub(super) fn meaning(links: &BTreeSet<(Text, Text)>, nodes: &[Text]) -> Meaning {
    let count = match links.len() {
        1 => "1 link".to_owned(),
        more => format!("{more} links"),
    };
    let sides = sides(links, nodes);
    if sides.len() > 1 {
        let long: Vec<String> = sides.iter().map(|side| side.join(" ")).collect();
        let sizes: Vec<String> = sides.iter().map(|side| side.len().to_string()).collect();
        return Meaning {
            split: true,
            labels: vec![long.join(" | "), sizes.join("|")],
        };
    }
    let from: BTreeSet<&Text> = links.iter().map(|link| &link.0).collect();
    let to: BTreeSet<&Text> = links.iter().map(|link| &link.1).collect();
    let mut labels = Vec::new();
    let all_of_them = from.len() * to.len() == links.len();
    if from == to && links.len() == 2 {
        let both: Vec<&str> = from.iter().map(|node| node.as_str()).collect();
        labels.push(both.join("\u{2194}"));
    } else if all_of_them {
        let names = |side: &BTreeSet<&Text>| {
            let names: Vec<&str> = side.iter().map(|node| node.as_str()).collect();
            names.join(" ")
        };
        labels.push(format!("{}\u{2192}{}", names(&from), names(&to)));
    }
    labels.push(count);
    labels.push(links.len().to_string());
    Meaning {
        split: false,
        labels,
    }
}

/// The nodes by who can reach whom over links that work in both directions; empty if the links within a side are
/// not whole or those between sides not all lost, since then it is no plain partition.
fn sides<'a>(links: &BTreeSet<(Text, Text)>, nodes: &'a [Text]) -> Vec<Vec<&'a str>> {
    let lost = |a: &Text, b: &Text| links.contains(&(a.clone(), b.clone()));
    let mut sides: Vec<Vec<&Text>> = Vec::new();
    for node in nodes {
        let whole = |side: &&mut Vec<&Text>| !lost(side[0], node) && !lost(node, side[0]);
        match sides.iter_mut().find(whole) {
            Some(side) => side.push(node),
            None => sides.push(vec![node]),
        }
    }
    let of = |node: &Text| sides.iter().position(|side| side.contains(&node));
    let plain = nodes.iter().all(|a| {
        let mut others = nodes.iter().filter(|b| *b != a);
        others.all(|b| lost(a, b) == (of(a) != of(b)))
    });
    if !plain {
        return Vec::new();
    }
    let names = |side: &Vec<&'a Text>| side.iter().map(|node| node.as_str()).collect();
    sides.iter().map(names).collect()
}
