//! What a line can mean.

use alloc::string::String;
use core::net::IpAddr;

/// Where a line is being run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// On a node, by one of its own sessions or for a manager.
    Node,
    /// On a manager.
    Manager,
}

/// How the answer is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// The reference's layouts.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// A parsed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What to do.
    pub command: Command,
    /// How to print it.
    pub format: Format,
}

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `help`
    Help,
    /// `version`
    Version,
    /// `info`
    Info,
    /// `shutdown`
    Shutdown,
    /// `quit`: ends the session.
    Quit,
    /// `cluster help`
    ClusterHelp,
    /// `cluster info`
    ClusterInfo,
    /// `cluster membership`
    ClusterMembership,
    /// `cluster nodename`
    ClusterNodeName,
    /// `cluster nodeaddr`
    ClusterNodeAddress,
    /// `cluster duravip show`
    DuravipShow,
    /// `cluster duravip move <ip> to <node>`
    DuravipMove {
        /// The address.
        address: IpAddr,
        /// The node, by name.
        node: String,
    },
    /// `cluster duravip announce view`
    DuravipAnnounce,
    /// `cluster shared list`
    SharedList,
    /// `cluster shared show <object> [from <node>]`
    SharedShow {
        /// The object.
        object: String,
        /// Whose contribution; the aggregate if absent.
        from: Option<String>,
    },
    /// `cluster show logs`
    ShowLogs,
    /// `seal status`
    SealStatus,
    /// `seal rotate`
    SealRotate,
    /// `show cluster membership`: the manager's, in XML.
    ShowClusterMembership,
    /// A command that the router carries to nodes, or answers from its cache.
    Routed(Scope),
}

/// Whom a routed command concerns. The text is normal: one space between words, no format flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `broadcast <command>`
    Broadcast {
        /// The command.
        line: String,
    },
    /// `unicast <node> <command>`
    Unicast {
        /// The node, by name.
        node: String,
        /// The command.
        line: String,
    },
    /// `retrieve <command>`
    Retrieve {
        /// The command.
        line: String,
    },
    /// `retrieve_node <node> <command>`
    RetrieveNode {
        /// The node, by name.
        node: String,
        /// The command.
        line: String,
    },
    /// `flush control cache`
    FlushCache,
}

/// Why a line is not a command here. Nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// No word at all; not worth an answer.
    #[error("empty line")]
    Empty,
    /// Too long to be read.
    #[error("The line has {found} bytes; at most {limit} are accepted.")]
    TooLong {
        /// Its length in bytes.
        found: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// No such command.
    #[error("Unknown command '{line}'.{}", suggestion(*.nearest))]
    Unknown {
        /// The line, cut to a readable length.
        line: String,
        /// The usage of the most similar command there is.
        nearest: Option<&'static str>,
    },
    /// The command is right, its arguments are not.
    #[error("{problem}. Usage: {usage}")]
    Usage {
        /// What is wrong.
        problem: String,
        /// How it is used.
        usage: &'static str,
    },
    /// A node's command on a manager.
    #[error(
        "'{name}' belongs to the cluster module, which is part of a node's configuration: cluster commands can \
         only be issued from a node. From here use 'broadcast {name}' or 'unicast <node> {name}'."
    )]
    NodeOnly {
        /// The command.
        name: &'static str,
    },
    /// A manager's command on a node.
    #[error("'{name}' is a command of the manager's console. Issue it there.")]
    ManagerOnly {
        /// The command.
        name: &'static str,
    },
    /// `xml` in front of a command.
    #[error(
        "XML output is not supported for this command. Use --json for machine-readable output."
    )]
    Xml,
}

fn suggestion(nearest: Option<&'static str>) -> String {
    match nearest {
        Some(usage) => alloc::format!(" Did you mean '{usage}'?"),
        None => String::from(" 'help' lists all commands."),
    }
}
