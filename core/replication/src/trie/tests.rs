//! Goal: the trie answers exactly as a plain list would, and holds nothing that is not counted. Method: random
//! changes on a trie and on a naive map, compared after every one, with prefixes that share long beginnings.

extern crate std;

use std::{collections::BTreeMap, vec::Vec};

use ipnet::IpNet;
use proptest::prelude::*;

use super::Trie;

type Naive = BTreeMap<IpNet, i64>;

/// Few distinct bits, so that equal, nested and neighbouring prefixes are common; all lengths occur.
fn any_net() -> impl Strategy<Value = IpNet> {
    let v4 = (
        0u32..8,
        0u8..=32,
        prop::sample::select(std::vec![0u32, 8, 16, 29]),
    );
    let v6 = (
        0u128..8,
        0u8..=128,
        prop::sample::select(std::vec![0u32, 61, 64, 125]),
    );
    prop_oneof![
        3 => v4.prop_map(|(bits, length, shift)| {
            IpNet::new(core::net::Ipv4Addr::from(bits << shift).into(), length).unwrap().trunc()
        }),
        1 => v6.prop_map(|(bits, length, shift)| {
            IpNet::new(core::net::Ipv6Addr::from(bits << shift).into(), length).unwrap().trunc()
        }),
    ]
}

fn naive_sum(naive: &Naive, net: &IpNet) -> i64 {
    naive
        .iter()
        .filter(|(inner, _)| net.contains(*inner))
        .map(|(_, value)| value)
        .sum()
}

/// The prefixes a path-compressed trie of these keys must have: the keys, and the longest common prefix of each
/// two neighbours.
fn naive_nodes(naive: &Naive) -> Vec<(IpNet, i64)> {
    let mut nodes: Vec<IpNet> = naive.keys().copied().collect();
    for pair in naive.keys().collect::<Vec<_>>().windows(2) {
        let mut joint = *pair[0];
        while !joint.contains(pair[1]) {
            match joint.supernet() {
                Some(wider) => joint = wider,
                None => break,
            }
        }
        if joint.contains(pair[1]) {
            nodes.push(joint);
        }
    }
    nodes.sort();
    nodes.dedup();
    nodes
        .into_iter()
        .map(|net| (net, naive_sum(naive, &net)))
        .collect()
}

fn scanned(trie: &Trie, after: Option<&IpNet>, upto: Option<&IpNet>) -> Vec<(IpNet, i64)> {
    let mut found = Vec::new();
    trie.scan(after, upto, &mut |net, value| {
        found.push((net, value));
        true
    });
    found
}

proptest! {
    #[test]
    fn answers_as_a_list_would(
        changes in prop::collection::vec((any_net(), 0i64..4), 1..60),
        asked in prop::collection::vec(any_net(), 1..10),
    ) {
        let mut trie = Trie::default();
        let mut naive = Naive::new();
        for (net, value) in changes {
            let before = naive.get(&net).copied().unwrap_or(0);
            prop_assert_eq!(trie.add(&net, value - before), before);
            naive.insert(net, value);
            naive.retain(|_, value| *value > 0);
            prop_assert_eq!(trie.nodes().collect::<Vec<_>>(), naive_nodes(&naive));
            for net in &asked {
                prop_assert_eq!(trie.get(net), naive.get(net).copied().unwrap_or(0));
                prop_assert_eq!(trie.sum(net), naive_sum(&naive, net));
                let covering = naive_nodes(&naive).into_iter().rfind(|(node, _)| node.contains(net));
                prop_assert_eq!(trie.covering(net), covering);
            }
        }
        for net in naive.keys().copied().collect::<Vec<_>>() {
            trie.add(&net, -naive[&net]);
        }
        prop_assert_eq!(trie.nodes().count(), 0, "nothing may stay behind");
    }

    #[test]
    fn a_scan_is_a_range_of_the_keys(
        keys in prop::collection::btree_set(any_net(), 0..40),
        after in prop::option::of(any_net()),
        upto in prop::option::of(any_net()),
    ) {
        let mut trie = Trie::default();
        for (index, net) in keys.iter().enumerate() {
            trie.add(net, index as i64 + 1);
        }
        let expected: Vec<(IpNet, i64)> = keys
            .iter()
            .enumerate()
            .filter(|(_, net)| after.is_none_or(|after| **net > after))
            .filter(|(_, net)| upto.is_none_or(|upto| **net <= upto))
            .map(|(index, net)| (*net, index as i64 + 1))
            .collect();
        prop_assert_eq!(scanned(&trie, after.as_ref(), upto.as_ref()), expected);
    }
}

/// The picture of the reference (1.11): a chain is shown where something is counted, sums stand at branches.
#[test]
fn branches_carry_sums() {
    let mut trie = Trie::default();
    for (net, value) in [
        ("10.1.2.5/32", 4),
        ("10.1.2.130/32", 20),
        ("10.1.2.131/32", 7),
    ] {
        trie.add(&net.parse().unwrap(), value);
    }
    let nodes: Vec<_> = trie
        .nodes()
        .map(|(net, sum)| (std::format!("{net}"), sum))
        .collect();
    let expected = [
        ("10.1.2.0/24", 31),
        ("10.1.2.5/32", 4),
        ("10.1.2.130/31", 27),
        ("10.1.2.130/32", 20),
        ("10.1.2.131/32", 7),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(net, sum)| (std::string::String::from(*net), *sum))
        .collect();
    assert_eq!(nodes, expected);
    let asked: IpNet = "10.0.0.0/8".parse().unwrap();
    assert_eq!(trie.sum(&asked), 31);
}
