//! The live view of a local cluster: redrawn on a terminal, plain lines when something changes elsewhere.

use std::{fmt::Write as _, time::Instant};

use super::{children::Children, plan::Plan, watch::Snapshot};

/// Draws snapshots.
#[derive(Debug)]
pub(super) struct View<'a> {
    plan: &'a Plan,
    terminal: bool,
    started: Instant,
    last: Option<Snapshot>,
}

impl<'a> View<'a> {
    pub(super) fn new(plan: &'a Plan, terminal: bool) -> Self {
        Self {
            plan,
            terminal,
            started: Instant::now(),
            last: None,
        }
    }

    /// Where everything is and what to try.
    pub(super) fn introduction(&self) -> String {
        let mut out = String::new();
        let _ = self.introduce(&mut out); // writing to a string cannot fail
        out
    }

    fn introduce(&self, out: &mut String) -> std::fmt::Result {
        let plan = self.plan;
        let control = |name: &str| plan.directory.join(name).join("control");
        writeln!(
            out,
            "Cluster {}: {} nodes and a manager. Everything is in {}.",
            plan.cluster,
            plan.nodes().count(),
            plan.directory.display()
        )?;
        writeln!(out, "Ctrl-C stops all of it. In another terminal, try:")?;
        writeln!(
            out,
            "  ringfort console {} cluster membership",
            control("n1").display()
        )?;
        writeln!(
            out,
            "  ringfort console {} cluster duravip show",
            control("n1").display()
        )?;
        writeln!(
            out,
            "  ringfort console {} broadcast cluster nodename",
            control("m1").display()
        )?;
        if let Some(address) = plan.addresses.first() {
            writeln!(
                out,
                "  nc {} {}         (a virtual address)",
                address.ip(),
                address.port()
            )?;
        }
        writeln!(
            out,
            "  ringfort console {} cluster shared show inbound_cidr",
            control("n2").display()
        )?;
        writeln!(
            out,
            "  ringfort log tail {}",
            plan.processes[0].log().display()
        )?;
        for process in plan.nodes().take(2) {
            writeln!(
                out,
                "  spuser -s {}@localhost         (any program written for Spread, at {}; also the socket {})",
                process.clients.port(),
                process.name,
                process.client_socket().display()
            )?;
        }
        writeln!(
            out,
            "  ls -R {}       (what the manager collected)",
            plan.collected().display()
        )?;
        writeln!(
            out,
            "  kill -9 PID          of a node: its addresses move at once; it is back after 5 s"
        )?;
        writeln!(out)
    }

    /// The picture of `snapshot`; none if nothing has to be drawn.
    pub(super) fn draw(&mut self, snapshot: &Snapshot, children: &Children) -> Option<String> {
        if !self.terminal && self.last.as_ref() == Some(snapshot) {
            return None;
        }
        let mut out = String::new();
        if self.terminal {
            out.push_str("\x1b[H\x1b[J"); // home, clear to the end
            out.push_str(&self.introduction());
        }
        let _ = self.state(&mut out, snapshot, children);
        self.last = Some(snapshot.clone());
        Some(out)
    }

    fn state(
        &self,
        out: &mut String,
        snapshot: &Snapshot,
        children: &Children,
    ) -> std::fmt::Result {
        writeln!(out, "after {} s", self.started.elapsed().as_secs())?;
        writeln!(
            out,
            "{:<8} {:>8} {:<6} {:>11} {:>10}  {:<24} members",
            "process", "pid", "state", "connections", "log bytes", "collected up to"
        )?;
        for (name, state) in &snapshot.processes {
            let number = |value: Option<String>| value.unwrap_or_else(|| "-".into());
            let collected: Vec<_> = state
                .subscribers
                .iter()
                .map(|(name, position)| format!("{name} {position}"))
                .collect();
            writeln!(
                out,
                "{name:<8} {:>8} {:<6} {:>11} {:>10}  {:<24} {}",
                number(children.id(name).map(|id| id.to_string())),
                if state.up { "up" } else { "silent" },
                number(state.connections.map(|count| count.to_string())),
                number(state.log_bytes.map(|bytes| bytes.to_string())),
                collected.join(", "),
                state.members.join(" ")
            )?;
        }
        let owners: Vec<_> = snapshot
            .owners()
            .into_iter()
            .map(|(address, owner)| format!("{address} on {}", owner.as_deref().unwrap_or("?")))
            .collect();
        writeln!(out, "addresses: {}", owners.join(", "))
    }
}
