//! What holds at every instant, and what has to hold in the end.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use ringfort_machine::{Position, ProcessId};
use ringfort_vip::Vip;

use super::{Node, World};

impl World {
    /// Taking an address that another member of the same view has is a violation at once.
    pub(super) fn check_taking(&mut self, index: usize, address: IpAddr) {
        let view = self.nodes[index].view.map(|(position, _)| position);
        for (other, node) in self.nodes.iter().enumerate() {
            let same = view.is_some() && node.view.map(|(position, _)| position) == view;
            if !self.late && other != index && node.vip.is_some() && same && node.has(address) {
                self.violations.push(format!(
                    "{} n{index} took {address} which n{other} of the same view has",
                    self.now
                ));
            }
        }
    }

    /// What holds at every instant.
    pub(super) fn check(&mut self) {
        let mut present = BTreeSet::new();
        // A ring would drop a paused member and change the view; here the time just does not count.
        let paused: Vec<ProcessId> = self
            .nodes
            .iter()
            .filter(|node| node.paused && node.vip.is_some())
            .map(Node::process)
            .collect();
        for (index, one) in self.nodes.iter().enumerate() {
            for two in &self.nodes[index + 1..] {
                let (Some((view, since)), Some((other, other_since))) = (one.view, two.view) else {
                    continue;
                };
                if one.vip.is_none()
                    || two.vip.is_none()
                    || view != other
                    || one
                        .view_members
                        .iter()
                        .any(|member| paused.contains(member))
                {
                    continue;
                }
                for address in one.host.interfaces.keys() {
                    if two.has(*address) {
                        let key = (one.process(), two.process(), *address);
                        present.insert(key);
                        let begun = self
                            .overlaps
                            .entry(key)
                            .or_insert((view, since.max(other_since)));
                        if begun.0 != view {
                            *begun = (view, since.max(other_since).max(self.excused));
                        }
                        if self.now.since(begun.1.max(self.excused)) > Duration::from_secs(2) {
                            self.violations
                                .push(format!("{} overlap of {address} does not end", self.now));
                        }
                    }
                }
            }
        }
        self.overlaps.retain(|key, _| present.contains(key));
        self.mark_first();
    }

    fn mark_first(&mut self) {
        if self.first.is_none() && !self.violations.is_empty() {
            self.first = Some(self.log.len());
        }
    }

    /// The agreed state of all members is the same at each place of the order.
    pub(super) fn check_agreed(&mut self, index: usize, position: Position) {
        let digest = self.nodes[index].vip.as_ref().and_then(Vip::agreed_digest);
        if let Some(digest) = digest {
            let first = *self.agreed.entry(position).or_insert(digest);
            if first != digest {
                self.violations
                    .push(format!("{} n{index} disagrees at {position:?}", self.now));
            }
        }
    }

    /// Every address that a live node configures is on one live node of each component, with its services.
    pub(crate) fn check_covered(&mut self) {
        self.mark_first();
        let components: BTreeSet<usize> = self
            .nodes
            .iter()
            .filter(|node| node.vip.is_some())
            .map(|node| node.component)
            .collect();
        for component in components {
            let nodes: Vec<&Node> = self
                .nodes
                .iter()
                .filter(|node| node.vip.is_some() && node.component == component)
                .collect();
            let configured: BTreeSet<IpAddr> = nodes
                .iter()
                .filter(|node| node.config.me_capable)
                .flat_map(|node| node.config.addresses.iter())
                .map(|address| address.address.addr())
                .collect();
            for address in configured {
                let having = nodes.iter().filter(|node| node.has(address)).count();
                let serving = nodes
                    .iter()
                    .filter(|node| node.served.contains(&address))
                    .count();
                if having != 1 || serving != 1 {
                    self.violations.push(format!(
                        "{} {address} is on {having} and served by {serving} of component {component}",
                        self.now
                    ));
                }
            }
        }
    }

    pub(crate) fn assert_fine(&self) {
        if !self.violations.is_empty() {
            // The log up to the first violation, which is what explains it.
            let end = self.first.unwrap_or(self.log.len());
            panic!(
                "{}\n--- {}",
                self.log[end.saturating_sub(120)..end].join("\n"),
                self.violations[..self.violations.len().min(5)].join("\n--- ")
            );
        }
    }

    /// The live nodes that have `address` on an interface.
    pub(crate) fn holders(&self, address: IpAddr) -> Vec<usize> {
        (0..self.nodes.len())
            .filter(|index| self.nodes[*index].vip.is_some() && self.nodes[*index].has(address))
            .collect()
    }

    /// How many addresses each live node serves.
    pub(crate) fn loads(&self) -> Vec<usize> {
        self.nodes
            .iter()
            .filter(|node| node.vip.is_some())
            .map(|node| node.served.len())
            .collect()
    }
}
