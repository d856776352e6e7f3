//! The seal of a daemon: its keys, read and judged before anything is opened, and what the log says of them.

use std::collections::VecDeque;

use ringfort_machine::{Incarnation, Instant, ProcessId};
use ringfort_node::{
    Action, Guard,
    journal::{Origin, Recorder},
};
use ringfort_seal::{Config, Seal, Secret, Trusted};

use crate::{
    BootError, boot,
    configuration::Loaded,
    keys::{Files, strangers},
    recording::Recording,
};

/// Starts the node with its seal in front of it, and its recorder behind that.
///
/// # Errors
/// [`BootError`] with what is wrong with a key or with the configuration.
pub(super) fn start(
    loaded: &Loaded,
    origin: Origin,
    tape: Option<(Recording, u64)>,
    out: &mut VecDeque<Action>,
) -> Result<Guard<Recorder<Recording>>, BootError> {
    let (now, config) = (origin.now, origin.config.clone());
    let seal = seal(loaded, origin.boot.incarnation, now)?;
    let mut first = Vec::new();
    let node = Recorder::start(origin, tape, &mut first)
        .map_err(|error| BootError::Configuration(error.to_string()))?;
    let mut node = Guard::new(node, &config, seal);
    node.start(now, first, out);
    Ok(node)
}

/// The seal of life `incarnation` of a node; none if the configuration switches it off.
///
/// # Errors
/// [`BootError`] with what is wrong with a key.
fn seal(
    loaded: &Loaded,
    incarnation: Incarnation,
    now: Instant,
) -> Result<Option<Seal>, BootError> {
    let Some(trusted) = trusted(loaded)? else {
        tracing::warn!(
            "ENCRYPTION IS OFF: everybody on the network of the cluster can read and forge its traffic"
        );
        return Ok(None);
    };
    let files = Files::of(&loaded.settings);
    let (identity, made) = files.identity()?;
    let public = identity.public();
    if made {
        tracing::info!("made a key for this node: {}", files.key.display());
    }
    tracing::info!(fingerprint = public.fingerprint(), "public key {public}");
    let config = loaded.node_config()?;
    let own = trusted.iter().find(|trusted| trusted.node == config.node);
    if own.is_some_and(|own| own.public != public) {
        tracing::warn!(
            "{} has another key for this node than its own: others with the same list will not hear it",
            files.trusted.display()
        );
    }
    let config = Config {
        me: ProcessId::new(config.node, incarnation),
        cluster: config.cluster.0,
        identity,
        life: Secret::new(boot::seed()?.0),
        trusted,
    };
    Ok(Some(Seal::new(config, now)))
}

/// The allow-list, and a warning for each member that is not on it; nothing if there is no seal.
///
/// # Errors
/// [`BootError`] with what is wrong with the list.
pub(super) fn trusted(loaded: &Loaded) -> Result<Option<Vec<Trusted>>, BootError> {
    let settings = &loaded.settings;
    if !settings.bus.encryption {
        return Ok(None);
    }
    let files = Files::of(settings);
    let trusted = files.trusted(settings)?;
    for name in strangers(settings, &trusted) {
        tracing::warn!(
            "{name} is a member and not trusted: it is not heard until `ringfort keys trust {name} KEY` and a reload ({})",
            files.trusted.display()
        );
    }
    Ok(Some(trusted))
}
