//! A binary trie of prefixes with a sum at every node (services-anchors 3.4: no crate of the field has one).
//!
//! Path-compressed: a node exists only where something is counted or where two branches part, so a trie of
//! `n` counted prefixes has at most `2 n - 1` nodes and a walk from the root is at most as long as an address.
//! Each node holds the sum of everything in its prefix; a change walks one path and adds the same difference to
//! every node on it. The sum of any prefix, counted or not, is then one walk down.
//!
//! What this deliberately is not: it knows nothing of processes, versions or limits.

use alloc::{boxed::Box, vec::Vec};

use core::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use ringfort_machine::defect::{self, Defect};

/// The first `length` bits of `bits`, left-aligned; the rest is zero. IPv4 and IPv6 have a root each, so the
/// family is not in here. The derived order is preorder: a prefix comes before what it contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Prefix {
    bits: u128,
    length: u8,
}

/// Which address family a prefix is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    V4,
    V6,
}

type Link = Option<Box<Node>>;

#[derive(Clone, Debug)]
struct Node {
    prefix: Prefix,
    /// Counted at exactly this prefix; zero at a mere branch.
    own: i64,
    /// `own` and the sums of both children.
    sum: i64,
    children: [Link; 2],
}

/// The trie.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trie {
    v4: Link,
    v6: Link,
}

impl Prefix {
    fn of(net: &IpNet) -> (Family, Self) {
        let length = net.prefix_len();
        match net.trunc() {
            IpNet::V4(net) => {
                let bits = u128::from(net.addr().to_bits()) << 96;
                (Family::V4, Self { bits, length })
            }
            IpNet::V6(net) => {
                let bits = net.addr().to_bits();
                (Family::V6, Self { bits, length })
            }
        }
    }

    fn net(self, family: Family) -> IpNet {
        match family {
            Family::V4 => {
                let address = Ipv4Addr::from_bits((self.bits >> 96) as u32);
                IpNet::V4(Ipv4Net::new_assert(address, self.length))
            }
            Family::V6 => {
                let address = Ipv6Addr::from_bits(self.bits);
                IpNet::V6(Ipv6Net::new_assert(address, self.length))
            }
        }
    }

    /// The host bits, all set.
    fn host_mask(self) -> u128 {
        u128::MAX.checked_shr(u32::from(self.length)).unwrap_or(0)
    }

    fn covers(self, other: Self) -> bool {
        self.length <= other.length && (self.bits ^ other.bits) & !self.host_mask() == 0
    }

    /// The longest prefix that covers both.
    fn common(self, other: Self) -> Self {
        let equal = (self.bits ^ other.bits).leading_zeros() as u8;
        let length = equal.min(self.length).min(other.length);
        let cut = Self {
            bits: self.bits,
            length,
        };
        Self {
            bits: self.bits & !cut.host_mask(),
            length,
        }
    }

    /// Which child of `self` the longer prefix `other` belongs to.
    fn side(self, other: Self) -> usize {
        usize::from((other.bits << self.length) >> 127 == 1)
    }
}

impl Node {
    fn leaf(prefix: Prefix, value: i64) -> Self {
        Self {
            prefix,
            own: value,
            sum: value,
            children: [None, None],
        }
    }
}

impl Trie {
    fn root(&self, family: Family) -> &Link {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    /// Adds `by` at exactly `net` and returns what was counted there before. Nothing may become negative.
    pub(crate) fn add(&mut self, net: &IpNet, by: i64) -> i64 {
        let (family, prefix) = Prefix::of(net);
        match family {
            Family::V4 => add(&mut self.v4, prefix, by),
            Family::V6 => add(&mut self.v6, prefix, by),
        }
    }

    /// What is counted at exactly `net`.
    pub(crate) fn get(&self, net: &IpNet) -> i64 {
        let (family, prefix) = Prefix::of(net);
        let mut link = self.root(family);
        while let Some(node) = link {
            if node.prefix == prefix {
                return node.own;
            }
            if !node.prefix.covers(prefix) {
                return 0;
            }
            link = &node.children[node.prefix.side(prefix)];
        }
        0
    }

    /// The sum of everything in `net`, whether `net` itself is in the trie or not.
    pub(crate) fn sum(&self, net: &IpNet) -> i64 {
        let (family, prefix) = Prefix::of(net);
        let mut link = self.root(family);
        while let Some(node) = link {
            if prefix.covers(node.prefix) {
                return node.sum;
            }
            if !node.prefix.covers(prefix) {
                return 0;
            }
            link = &node.children[node.prefix.side(prefix)];
        }
        0
    }

    /// The longest prefix of the trie that covers `net`, and its sum.
    pub(crate) fn covering(&self, net: &IpNet) -> Option<(IpNet, i64)> {
        let (family, prefix) = Prefix::of(net);
        let mut link = self.root(family);
        let mut found = None;
        while let Some(node) = link {
            if !node.prefix.covers(prefix) {
                break;
            }
            found = Some((node.prefix.net(family), node.sum));
            if node.prefix.length == prefix.length {
                break;
            }
            link = &node.children[node.prefix.side(prefix)];
        }
        found
    }

    /// All nodes, in order: counted prefixes and branches.
    pub(crate) fn nodes(&self) -> Nodes<'_> {
        let stack = [(Family::V6, &self.v6), (Family::V4, &self.v4)]
            .into_iter()
            .filter_map(|(family, link)| link.as_deref().map(|node| (family, node)))
            .collect();
        Nodes { stack }
    }

    /// Counted prefixes and their values in order, after `after` and up to `upto` (both absent: all), as long as
    /// `take` says yes.
    pub(crate) fn scan(
        &self,
        after: Option<&IpNet>,
        upto: Option<&IpNet>,
        take: &mut impl FnMut(IpNet, i64) -> bool,
    ) {
        let range = Range {
            after: after.map(Prefix::of),
            upto: upto.map(Prefix::of),
        };
        let _ =
            scan(&self.v4, Family::V4, &range, take) && scan(&self.v6, Family::V6, &range, take);
    }
}

struct Range {
    after: Option<(Family, Prefix)>,
    upto: Option<(Family, Prefix)>,
}

/// Walks one subtree; `false`: enough. Recursion is as deep as an address has bits, at most.
fn scan(
    link: &Link,
    family: Family,
    range: &Range,
    take: &mut impl FnMut(IpNet, i64) -> bool,
) -> bool {
    let Some(node) = link else { return true };
    let place = (family, node.prefix);
    if range.upto.is_some_and(|upto| place > upto) {
        return false;
    }
    let last = Prefix {
        bits: node.prefix.bits | node.prefix.host_mask(),
        length: 128,
    };
    if range.after.is_some_and(|after| (family, last) < after) {
        return true;
    }
    let wanted = node.own > 0 && range.after.is_none_or(|after| place > after);
    if wanted && !take(node.prefix.net(family), node.own) {
        return false;
    }
    node.children
        .iter()
        .all(|child| scan(child, family, range, take))
}

/// Adds `by` at `prefix` below `link` and returns what was there.
fn add(link: &mut Link, prefix: Prefix, by: i64) -> i64 {
    let Some(node) = link else {
        assert!(by >= 0, "a contribution never goes below zero");
        *link = (by > 0).then(|| Box::new(Node::leaf(prefix, by)));
        return 0;
    };
    if node.prefix == prefix {
        let before = node.own;
        node.own += by;
        node.sum += by;
        assert!(node.own >= 0, "a contribution never goes below zero");
        prune(link);
        return before;
    }
    if node.prefix.covers(prefix) {
        let side = node.prefix.side(prefix);
        let before = add(&mut node.children[side], prefix, by);
        if node.own == 0 || !defect::active(Defect::SkipParentSum) {
            node.sum += by;
        }
        prune(link);
        return before;
    }
    assert!(by >= 0, "a contribution never goes below zero");
    if by > 0 {
        insert_above(link, prefix, by);
    }
    0
}

/// Puts a new prefix above, or beside, the node at `link`, which does not cover it.
fn insert_above(link: &mut Link, prefix: Prefix, by: i64) {
    let Some(below) = link.take() else { return };
    let joint = prefix.common(below.prefix);
    let mut above = Node::leaf(joint, 0);
    above.sum = below.sum + by;
    if joint == prefix {
        above.own = by;
    } else {
        above.children[joint.side(prefix)] = Some(Box::new(Node::leaf(prefix, by)));
    }
    let side = joint.side(below.prefix);
    above.children[side] = Some(below);
    *link = Some(Box::new(above));
}

/// Removes the node at `link` if it neither counts nor branches.
fn prune(link: &mut Link) {
    let Some(node) = link else { return };
    if node.own > 0 {
        return;
    }
    match &mut node.children {
        [Some(_), Some(_)] => {}
        [only, None] | [None, only] => *link = only.take(),
    }
}

/// All nodes in preorder.
#[derive(Clone, Debug)]
pub(crate) struct Nodes<'a> {
    stack: Vec<(Family, &'a Node)>,
}

impl Iterator for Nodes<'_> {
    type Item = (IpNet, i64);

    fn next(&mut self) -> Option<Self::Item> {
        let (family, node) = self.stack.pop()?;
        let [left, right] = &node.children;
        for child in [right, left].into_iter().flatten() {
            self.stack.push((family, child));
        }
        Some((node.prefix.net(family), node.sum))
    }
}

#[cfg(test)]
mod tests;
