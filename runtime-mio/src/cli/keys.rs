//! `ringfort keys`: the node's key pair, who is trusted, and new keys for the traffic of the cluster.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use ringfort_seal::PublicKey;
use serde::Serialize;

use super::{Verdict, print, print_json};
use crate::{
    BootError, Loaded,
    console_client::{Console, Target, is_failure},
    keys::Files,
};

#[derive(Debug, Subcommand)]
pub(super) enum Options {
    /// Make this node's key pair, if it has none, and show its public key.
    Init(Node),
    /// Show this node's public key and whom it trusts.
    Show(Node),
    /// Put a node on the allow-list, or give it another key there.
    Trust(Trust),
    /// Take a node off the allow-list; what it was given opens nothing of what follows.
    Revoke(Revoke),
    /// Let every node of the running cluster make a new key for what it sends.
    Rotate(Rotate),
}

#[derive(Args, Debug)]
pub(super) struct Node {
    /// The node's configuration file.
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    config: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Trust {
    /// The configuration file of the node that is to trust.
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    config: PathBuf,
    /// The name of the node to be trusted, as among the peers.
    name: String,
    /// Its public key, as `ringfort keys show` prints it there.
    key: PublicKey,
}

#[derive(Args, Debug)]
pub(super) struct Revoke {
    /// The configuration file of the node that is to trust no longer.
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    config: PathBuf,
    /// The name of the node.
    name: String,
}

#[derive(Args, Debug)]
pub(super) struct Rotate {
    /// The console of any node of the cluster: a Unix socket's path or host:port.
    #[arg(value_name = "TARGET", default_value = Target::DEFAULT)]
    target: String,
}

#[derive(Debug, Serialize)]
struct Shown {
    node: String,
    key_file: String,
    public: String,
    fingerprint: String,
    trusted: Vec<ShownPeer>,
}

#[derive(Debug, Serialize)]
struct ShownPeer {
    name: String,
    public: String,
    fingerprint: String,
}

/// Does what was asked for.
pub(super) fn run(options: &Options) -> Result<Verdict, BootError> {
    match options {
        Options::Init(node) => {
            let (loaded, files) = open(&node.config)?;
            let (identity, made) = files.identity()?;
            if made && !node.json {
                print(format!("Made {}.\n", files.key.display()))?;
            }
            show(&loaded, &files, identity.public(), node.json)
        }
        Options::Show(node) => {
            let (loaded, files) = open(&node.config)?;
            let identity = files.read_identity()?.ok_or_else(|| {
                BootError::Ended(format!(
                    "this node has no key yet ({}): make it with `ringfort keys init`, or start the node",
                    files.key.display()
                ))
            })?;
            show(&loaded, &files, identity.public(), node.json)
        }
        Options::Trust(trust) => trust_one(trust),
        Options::Revoke(revoke) => {
            let (_, files) = open(&revoke.config)?;
            if !files.revoke(&revoke.name)? {
                return Err(BootError::Ended(format!(
                    "`{}` is not in {}",
                    revoke.name,
                    files.trusted.display()
                )));
            }
            print(format!(
                "{} is no longer trusted here. Do the same on every node and reload them (SIGHUP): then it is not heard, and \
                 the keys change.\n",
                revoke.name
            ))?;
            Ok(Verdict::Good)
        }
        Options::Rotate(rotate) => ask_to_rotate(&rotate.target),
    }
}

fn open(config: &Path) -> Result<(Loaded, Files), BootError> {
    let loaded = Loaded::read(config, None)?;
    let files = Files::of(&loaded.settings);
    Ok((loaded, files))
}

fn show(
    loaded: &Loaded,
    files: &Files,
    public: PublicKey,
    json: bool,
) -> Result<Verdict, BootError> {
    let peers = files.entries()?.into_iter().map(|entry| ShownPeer {
        fingerprint: entry.public.fingerprint(),
        public: entry.public.to_string(),
        name: entry.name,
    });
    let shown = Shown {
        node: loaded.settings.node_name.clone().unwrap_or_default(),
        key_file: files.key.display().to_string(),
        public: public.to_string(),
        fingerprint: public.fingerprint(),
        trusted: peers.collect(),
    };
    if json {
        print_json(&shown)?;
        return Ok(Verdict::Good);
    }
    print(format!(
        "{} {}\n  fingerprint {}\n",
        shown.node, shown.public, shown.fingerprint
    ))?;
    for peer in &shown.trusted {
        print(format!(
            "trusts {} {}\n  fingerprint {}\n",
            peer.name, peer.public, peer.fingerprint
        ))?;
    }
    Ok(Verdict::Good)
}

fn trust_one(trust: &Trust) -> Result<Verdict, BootError> {
    let (loaded, files) = open(&trust.config)?;
    let changed = files.trust(&trust.name, trust.key)?;
    let (name, fingerprint) = (&trust.name, trust.key.fingerprint());
    print(if changed {
        format!(
            "{name} is trusted with {fingerprint}. A running node takes notice when it is reloaded (SIGHUP).\n"
        )
    } else {
        format!("{name} was trusted with {fingerprint} before.\n")
    })?;
    if loaded.settings.bus.peer(name).is_none() {
        print(format!(
            "Note: `{name}` is not among the peers of {}.\n",
            trust.config.display()
        ))?;
    }
    Ok(Verdict::Good)
}

fn ask_to_rotate(target: &str) -> Result<Verdict, BootError> {
    let target = Target::parse(target).ok_or_else(|| {
        BootError::Ended(format!(
            "`{target}` is no console: give a Unix socket's path or host:port"
        ))
    })?;
    let answer = Console::open(&target, None)?
        .ask("seal rotate")
        .map_err(|error| BootError::Ended(format!("`seal rotate` at {target}: {error}")))?;
    print(&answer)?;
    Ok(if is_failure(&answer) {
        Verdict::Bad
    } else {
        Verdict::Good
    })
}
