//! The platform of each node: what is on its interfaces, and how orders end.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;
use ringfort_machine::OrderId;
use ringfort_vip::{AddressAction, AddressError, AddressErrorKind, AddressOutcome};

use super::{Happening, World};

/// What is on a machine's interfaces; outlives the process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Host {
    pub(crate) interfaces: BTreeMap<IpAddr, (IpNet, String)>,
    /// Announcements made, by address.
    pub(crate) announced: BTreeMap<IpAddr, u32>,
    /// Acquisitions and releases that the platform will refuse: how many more.
    pub(crate) refuse_acquire: BTreeMap<IpAddr, u32>,
    pub(crate) refuse_release: u32,
    /// The platform answers nothing.
    pub(crate) hung: bool,
}

impl World {
    pub(super) fn order(&mut self, index: usize, order: OrderId, action: AddressAction) {
        let text = match &action {
            AddressAction::Survey => "survey".to_owned(),
            AddressAction::Acquire { address, .. } => format!("acquire {address}"),
            AddressAction::Release { address, .. } => format!("release {address}"),
            AddressAction::Announce { address, .. } => format!("announce {address}"),
        };
        self.tell(index, &text);
        let incarnation = self.nodes[index].incarnation;
        if self.late {
            let pending = self.pending.entry((index, incarnation)).or_default();
            pending.push_back((order, action));
        } else {
            let outcome = self.effect(index, action);
            self.answers.insert((index, incarnation, order.0), outcome);
        }
        if self.nodes[index].host.hung {
            return;
        }
        self.schedule(Happening::Answer(index, incarnation, order.0));
    }

    pub(super) fn effect(&mut self, index: usize, action: AddressAction) -> AddressOutcome {
        let failed = |text: &str| {
            AddressOutcome::Failed(AddressError {
                kind: AddressErrorKind::Failed,
                detail: text.into(),
            })
        };
        let now = self.now;
        let node = &mut self.nodes[index];
        match action {
            AddressAction::Survey => {
                AddressOutcome::Found(node.host.interfaces.values().cloned().collect())
            }
            AddressAction::Acquire { address, interface } => {
                if let Some(count) = node.host.refuse_acquire.get_mut(&address.addr())
                    && *count > 0
                {
                    *count -= 1;
                    return failed("refused");
                }
                node.host
                    .interfaces
                    .insert(address.addr(), (address, interface));
                self.check_taking(index, address.addr());
                AddressOutcome::Done
            }
            AddressAction::Release { address, .. } => {
                if node.served.contains(&address.addr()) {
                    self.violations.push(format!(
                        "{now} n{index} released {address} with services on it"
                    ));
                }
                if node.host.refuse_release > 0 && node.has(address.addr()) {
                    node.host.refuse_release -= 1;
                    self.excused = now;
                    return failed("busy");
                }
                node.host.interfaces.remove(&address.addr());
                AddressOutcome::Done
            }
            AddressAction::Announce { address, .. } => {
                *node.host.announced.entry(address.addr()).or_default() += 1;
                AddressOutcome::Done
            }
        }
    }
}
