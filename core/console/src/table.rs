//! The one table of commands: names, usage, help, where they are allowed, and what their arguments mean.
//!
//! `help` prints it, the parser walks it, and the suggestion for a mistyped word comes from it.

use alloc::{
    format,
    string::{String, ToString},
};

use crate::{Command, Place, Scope};

/// One command of the table.
#[derive(Debug)]
pub struct Entry {
    /// Its leading words, in lower case, one space between.
    pub name: &'static str,
    /// Its whole syntax.
    pub usage: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// The only place where it is allowed; everywhere if absent.
    pub only: Option<Place>,
    /// Reads the words after the name.
    pub(crate) read: fn(&[&str]) -> Result<Command, String>,
}

/// Short for an entry without arguments.
const fn plain(
    name: &'static str,
    help: &'static str,
    only: Option<Place>,
    read: fn(&[&str]) -> Result<Command, String>,
) -> Entry {
    Entry {
        name,
        usage: name,
        help,
        only,
        read,
    }
}

/// Makes a reader for a command without arguments.
macro_rules! bare {
    ($command:expr) => {
        |words| none(words).map(|()| $command)
    };
}

const NODE: Option<Place> = Some(Place::Node);
const MANAGER: Option<Place> = Some(Place::Manager);

/// Every command, in the order in which `help` lists them.
pub static COMMANDS: &[Entry] = &[
    plain("help", "List the commands.", None, bare!(Command::Help)),
    plain(
        "version",
        "Show version and copyright.",
        None,
        bare!(Command::Version),
    ),
    plain(
        "info",
        "Show general information about the cluster and this process.",
        None,
        bare!(Command::Info),
    ),
    plain(
        "shutdown",
        "Stop this process in good order.",
        None,
        bare!(Command::Shutdown),
    ),
    plain("quit", "End this session.", None, bare!(Command::Quit)),
    plain(
        "cluster help",
        "List the cluster commands.",
        NODE,
        bare!(Command::ClusterHelp),
    ),
    plain(
        "cluster info",
        "Show the bus and the groups of this node.",
        NODE,
        bare!(Command::ClusterInfo),
    ),
    plain(
        "cluster membership",
        "Show the members of the cluster.",
        NODE,
        bare!(Command::ClusterMembership),
    ),
    plain(
        "cluster nodename",
        "Show the name of this node.",
        NODE,
        bare!(Command::ClusterNodeName),
    ),
    plain(
        "cluster nodeaddr",
        "Show the cluster address of this node.",
        NODE,
        bare!(Command::ClusterNodeAddress),
    ),
    plain(
        "cluster duravip show",
        "Show who holds which address.",
        NODE,
        bare!(Command::DuravipShow),
    ),
    Entry {
        name: "cluster duravip move",
        usage: "cluster duravip move <ip> to <node>",
        help: "Move an address to a node.",
        only: NODE,
        read: duravip_move,
    },
    plain(
        "cluster duravip announce view",
        "Announce this node's addresses to the cluster again.",
        NODE,
        bare!(Command::DuravipAnnounce),
    ),
    plain(
        "cluster shared list",
        "List the replicated objects.",
        NODE,
        bare!(Command::SharedList),
    ),
    Entry {
        name: "cluster shared show",
        usage: "cluster shared show <object> [from <node>]",
        help: "Show a replicated object, whole or as one node contributes to it.",
        only: NODE,
        read: shared_show,
    },
    plain(
        "cluster show logs",
        "Show the logs of this node and who reads them.",
        NODE,
        bare!(Command::ShowLogs),
    ),
    plain(
        "seal status",
        "Show whether the cluster's traffic is sealed, by which keys, and what was refused.",
        None,
        bare!(Command::SealStatus),
    ),
    plain(
        "seal rotate",
        "Give every node of the cluster a new key for what it sends.",
        None,
        bare!(Command::SealRotate),
    ),
    plain(
        "show cluster membership",
        "Show the members of the cluster and their roles, in XML.",
        MANAGER,
        bare!(Command::ShowClusterMembership),
    ),
    Entry {
        name: "broadcast",
        usage: "broadcast <command>",
        help: "Run a command on all nodes.",
        only: MANAGER,
        read: |words| Ok(Command::Routed(Scope::Broadcast { line: line(words)? })),
    },
    Entry {
        name: "unicast",
        usage: "unicast <node> <command>",
        help: "Run a command on one node.",
        only: MANAGER,
        read: |words| {
            let (node, line) = node_and_line(words)?;
            Ok(Command::Routed(Scope::Unicast { node, line }))
        },
    },
    Entry {
        name: "retrieve",
        usage: "retrieve <command>",
        help: "Show the answers to a command that was broadcast or unicast.",
        only: MANAGER,
        read: |words| Ok(Command::Routed(Scope::Retrieve { line: line(words)? })),
    },
    Entry {
        name: "retrieve_node",
        usage: "retrieve_node <node> <command>",
        help: "Show one node's answer to a command that was broadcast or unicast.",
        only: MANAGER,
        read: |words| {
            let (node, line) = node_and_line(words)?;
            Ok(Command::Routed(Scope::RetrieveNode { node, line }))
        },
    },
    plain(
        "flush control cache",
        "Forget all answers kept for 'retrieve'.",
        MANAGER,
        bare!(Command::Routed(Scope::FlushCache)),
    ),
];

fn none(words: &[&str]) -> Result<(), String> {
    match words.first() {
        None => Ok(()),
        Some(word) => Err(format!("'{word}' is not expected here")),
    }
}

fn line(words: &[&str]) -> Result<String, String> {
    if words.is_empty() {
        return Err(String::from("A command is missing"));
    }
    Ok(words.join(" "))
}

fn node_and_line(words: &[&str]) -> Result<(String, String), String> {
    match words.split_first() {
        None => Err(String::from("A node and a command are missing")),
        Some((node, rest)) => Ok((node.to_string(), line(rest)?)),
    }
}

fn duravip_move(words: &[&str]) -> Result<Command, String> {
    match words {
        [ip, to, node] if to.eq_ignore_ascii_case("to") => Ok(Command::DuravipMove {
            address: ip
                .parse()
                .map_err(|_| format!("'{ip}' is not an IP address"))?,
            node: node.to_string(),
        }),
        [] => Err(String::from("An address and a node are missing")),
        _ => Err(String::from("Expected <ip> to <node>")),
    }
}

fn shared_show(words: &[&str]) -> Result<Command, String> {
    match words {
        [] => Err(String::from("An object is missing")),
        [object] => Ok(Command::SharedShow {
            object: object.to_string(),
            from: None,
        }),
        [object, from, node] if from.eq_ignore_ascii_case("from") => Ok(Command::SharedShow {
            object: object.to_string(),
            from: Some(node.to_string()),
        }),
        _ => Err(String::from("Expected <object> [from <node>]")),
    }
}
