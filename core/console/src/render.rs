//! The layouts: the reference's, to the space, where it prints one (1.6, 1.8 LG-9, 1.11, 1.12); plain ones where
//! it does not; or one JSON object on one line.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt::{self, Write};

use crate::{
    ClusterInfo, DuravipShow, Format, Help, Info, Membership, Report, SealReport, SharedGauges,
    SharedList, SharedTree, ShowLogs, banner,
};

/// The answer to one command, ending with a newline unless it is empty.
pub fn render(report: &Report, format: Format) -> String {
    match format {
        Format::Text => text(report),
        Format::Json => json(report),
    }
}

/// The text form of a report.
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    let written = write_text(&mut out, report);
    assert!(written.is_ok(), "writing to a string cannot fail");
    out
}

fn json(report: &Report) -> String {
    let encoded = serde_json::to_string(report);
    assert!(encoded.is_ok(), "a report has no key that is not text");
    let mut line = encoded.unwrap_or_default();
    line.push('\n');
    line
}

fn write_text(out: &mut String, report: &Report) -> fmt::Result {
    match report {
        Report::Help(help) => write_help(out, help),
        Report::Version(version) => out.write_str(&banner(version)),
        Report::Info(info) => write_info(out, info),
        Report::ClusterInfo(info) => write_cluster_info(out, info),
        Report::Membership(membership) => write_membership(out, membership),
        Report::MembershipXml(membership) => write_membership_xml(out, membership),
        Report::NodeName(node) => writeln!(out, "{}", node.name),
        Report::NodeAddress(node) => writeln!(out, "{}", node.address),
        Report::Duravip(show) => write_duravip(out, show),
        Report::MoveAccepted(moved) => {
            writeln!(out, "Moving {} to {}.", moved.address, moved.to)
        }
        Report::Announced(announced) => writeln!(
            out,
            "Announced the view of {} addresses.",
            announced.addresses
        ),
        Report::SharedList(list) => write_shared_list(out, list),
        Report::SharedTree(tree) => write_tree(out, tree),
        Report::SharedGauges(gauges) => write_gauges(out, gauges),
        Report::Logs(logs) => write_logs(out, logs),
        Report::Seal(seal) => write_seal(out, seal),
        Report::Rotating(rotating) => writeln!(
            out,
            "Asked the cluster for epoch {}. `seal status` shows when it is in use.",
            rotating.to
        ),
        Report::ShuttingDown(down) => writeln!(out, "{} is shutting down.", down.node),
        Report::Failed(failed) => writeln!(out, "{}", failed.reason),
    }
}

fn write_seal(out: &mut String, seal: &SealReport) -> fmt::Result {
    if !seal.encryption {
        return writeln!(
            out,
            "Encryption: OFF. Everybody on the network can read and forge the cluster's traffic."
        );
    }
    writeln!(out, "Encryption: on")?;
    match seal.rotating_to {
        Some(to) => writeln!(out, "Epoch: {}, on the way to {to}", seal.epoch)?,
        None => writeln!(out, "Epoch: {}", seal.epoch)?,
    }
    for peer in &seal.peers {
        match (peer.incarnation, peer.epoch) {
            (Some(life), Some(epoch)) => {
                writeln!(out, "  {}: here, life {life}, epoch {epoch}", peer.node)?;
            }
            (Some(life), None) => writeln!(out, "  {}: here, life {life}, no key yet", peer.node)?,
            (None, _) => writeln!(out, "  {}: trusted, not here", peer.node)?,
        }
    }
    for (reason, count) in &seal.refused {
        writeln!(out, "Refused, {reason}: {count}")?;
    }
    Ok(())
}

fn write_help(out: &mut String, help: &Help) -> fmt::Result {
    let width = help.commands.iter().map(|line| line.usage.len()).max();
    let width = width.unwrap_or_default();
    for line in &help.commands {
        writeln!(out, "{:width$}  {}", line.usage, line.help)?;
    }
    Ok(())
}

fn write_info(out: &mut String, info: &Info) -> fmt::Result {
    writeln!(out, "Node: {} ({})", info.node, info.role)?;
    writeln!(out, "Version: {}", info.version)?;
    writeln!(out, "Cluster: {}", info.cluster)?;
    writeln!(out, "Subcluster: {}", info.subcluster)?;
    writeln!(out, "Uptime: {} seconds", info.uptime_s)?;
    writeln!(out, "Configuration: {}", info.configuration)?;
    writeln!(out, "Members: {}", info.members.join(", "))?;
    for (name, value) in &info.more {
        writeln!(out, "{name}: {value}")?;
    }
    Ok(())
}

fn write_cluster_info(out: &mut String, info: &ClusterInfo) -> fmt::Result {
    writeln!(
        out,
        "Daemon: {} [m:{},s:{}]",
        info.port, info.main_session, info.shared_session
    )?;
    writeln!(out, "Control Group: {}", info.control_group)?;
    match &info.leader {
        Some(leader) => writeln!(
            out,
            "Cluster Group: {} ({leader} is leader)",
            info.cluster_group
        )?,
        None => writeln!(out, "Cluster Group: {}", info.cluster_group)?,
    }
    let logger = info.logger_group.as_deref().unwrap_or("none");
    writeln!(out, "Logger Group: {logger}")
}

/// What the reference prints for a name that a member has not told.
const NULL: &str = "(Null)";
/// What it prints for a member without cluster listener.
const NO_ADDRESS: &str = "0.0.0.0:0";

fn write_membership(out: &mut String, membership: &Membership) -> fmt::Result {
    for (number, member) in membership.members.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        let address = member
            .address
            .map_or_else(|| NO_ADDRESS.to_string(), |a| a.to_string());
        writeln!(out, "Private Name: {}", member.private_name)?;
        writeln!(
            out,
            "Node Name: {}",
            member.node_name.as_deref().unwrap_or(NULL)
        )?;
        writeln!(
            out,
            "Subcluster: {}",
            member.subcluster.as_deref().unwrap_or(NULL)
        )?;
        writeln!(out, "Node Type: {}", member.node_type.name())?;
        writeln!(out, "Version: {} r({})", member.version, member.revision)?;
        writeln!(out, "Address: {address}")?;
        writeln!(out, "Groups: {}", member.groups.join(", "))?;
    }
    Ok(())
}

/// The reference says only that it is XML with the same content; the element names are those of the layout.
fn write_membership_xml(out: &mut String, membership: &Membership) -> fmt::Result {
    writeln!(out, "<membership>")?;
    for member in &membership.members {
        let address = member
            .address
            .map_or_else(|| NO_ADDRESS.to_string(), |a| a.to_string());
        let version = alloc::format!("{} r({})", member.version, member.revision);
        writeln!(out, "  <member>")?;
        for (name, value) in [
            ("private_name", member.private_name.as_str()),
            ("node_name", member.node_name.as_deref().unwrap_or(NULL)),
            ("subcluster", member.subcluster.as_deref().unwrap_or(NULL)),
            ("node_type", member.node_type.name()),
            ("version", &version),
            ("address", &address),
        ] {
            writeln!(out, "    <{name}>{}</{name}>", Escaped(value))?;
        }
        writeln!(out, "    <groups>")?;
        for group in &member.groups {
            writeln!(out, "      <group>{}</group>", Escaped(group))?;
        }
        writeln!(out, "    </groups>")?;
        writeln!(out, "  </member>")?;
    }
    writeln!(out, "</membership>")
}

/// Text as XML character data.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                // No other control character is allowed in XML 1.0, not even escaped.
                other if other.is_control() && !matches!(other, '\t' | '\n' | '\r') => {
                    f.write_char('\u{fffd}')?;
                }
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

fn write_duravip(out: &mut String, show: &DuravipShow) -> fmt::Result {
    writeln!(out, "DuraVIP State:")?;
    for row in &show.addresses {
        write!(out, "{}", row.address)?;
        for binding in &row.bindings {
            write!(out, "/{binding}")?;
        }
        let (ownership, agreement) = (row.ownership.name(), row.agreement.name());
        writeln!(
            out,
            ": ({ownership},{agreement}) {}",
            row.services.join(" ")
        )?;
        writeln!(out, "\t[view stable for {} seconds]", row.view_stable_s)?;
        writeln!(
            out,
            "\t[configuration stable for {} seconds]",
            row.configuration_stable_s
        )?;
        for member in &row.members {
            let mark = if member.owner { " *  " } else { "    " };
            let services = member.services.join(" ");
            writeln!(out, "{mark}\t{} {services}", member.node)?;
        }
    }
    Ok(())
}

fn write_shared_list(out: &mut String, list: &SharedList) -> fmt::Result {
    writeln!(out, "Currently managed objects:")?;
    for object in &list.objects {
        let snapshots = if object.snapshots {
            " w/ snapshots"
        } else {
            ""
        };
        let (name, kind) = (&object.name, object.kind.name());
        writeln!(out, "{name:>30} [lazy, {kind}{snapshots}]")?;
    }
    Ok(())
}

fn write_shared_head(
    out: &mut String,
    kind: &str,
    object: &str,
    view: Option<&str>,
    snapshots: bool,
) -> fmt::Result {
    let snapped = if snapshots { ", snapped" } else { "," };
    let view = view.unwrap_or("global");
    writeln!(out, "lazy{snapped} {kind} '{object}', view '{view}'")
}

fn write_tree(out: &mut String, tree: &SharedTree) -> fmt::Result {
    write_shared_head(
        out,
        "cidrtree",
        &tree.object,
        tree.view.as_deref(),
        tree.snapshots,
    )?;
    for row in &tree.rows {
        writeln!(out, "{:>7}{:25}{}", row.count, "", row.prefix)?;
    }
    Ok(())
}

fn write_gauges(out: &mut String, gauges: &SharedGauges) -> fmt::Result {
    let view = gauges.view.as_deref();
    write_shared_head(out, "gauge table", &gauges.object, view, gauges.snapshots)?;
    for row in &gauges.rows {
        writeln!(out, "{:>60}:{:>13}", row.key, row.value)?;
    }
    Ok(())
}

fn write_logs(out: &mut String, logs: &ShowLogs) -> fmt::Result {
    for log in &logs.logs {
        writeln!(out, "{}", log.key)?;
        writeln!(out, "\t[on disk: {} bytes]", log.on_disk_bytes)?;
        let rows: &Vec<_> = &log.subscribers;
        for row in rows {
            let (log, marker) = (row.log, row.marker);
            writeln!(
                out,
                "\t[subscriber: '{}' @ {log:08x}:{marker:08x}]",
                row.name
            )?;
        }
    }
    Ok(())
}
