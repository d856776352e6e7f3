//! The defaults are valid, and each rule between the values is held.

use core::time::Duration;

use ringfort_machine::{Incarnation, Member, NodeId, ProcessId, SubclusterId};
use ringfort_wire::ClusterId;

use super::{Config, ConfigError};

fn config() -> Config {
    let me = Member {
        process: ProcessId::new(NodeId(1), Incarnation(1)),
        subcluster: SubclusterId(1),
    };
    Config::new(me, ClusterId(1))
}

fn broken(change: impl FnOnce(&mut Config)) -> ConfigError {
    let mut config = config();
    change(&mut config);
    config.validate().unwrap_err()
}

#[test]
fn the_defaults_are_valid() {
    assert_eq!(config().validate(), Ok(()));
}

#[test]
fn each_rule_is_held() {
    let order = |error| matches!(error, ConfigError::Order(..));
    assert!(order(broken(
        |c| c.timeouts.idle_hold = Duration::from_millis(60)
    )));
    assert!(order(broken(
        |c| c.timeouts.token_loss_max = Duration::from_millis(100)
    )));
    assert!(order(broken(
        |c| c.timeouts.consensus = Duration::from_millis(20)
    )));
    assert!(order(broken(
        |c| c.timeouts.consensus_limit = Duration::from_millis(20)
    )));
    assert!(order(broken(
        |c| c.timeouts.commit = Duration::from_millis(20)
    )));
    assert!(order(broken(
        |c| c.timeouts.hearing = Duration::from_millis(200)
    )));
    assert!(order(broken(|c| c.timeouts.join_interval = Duration::ZERO)));
    assert!(order(broken(|c| c.windows.personal = 0)));
    assert!(order(broken(|c| c.windows.personal = 1000)));
    assert!(order(broken(|c| c.windows.outstanding = 10)));
    assert!(order(broken(|c| c.windows.accelerated = 65)));
    assert!(matches!(
        broken(|c| c.windows.deaf_rotations = 2),
        ConfigError::TooFew(..)
    ));
    assert!(matches!(
        broken(|c| c.timeouts.rotations_until_loss = 1),
        ConfigError::TooFew(..)
    ));
    assert!(matches!(
        broken(|c| c.datagram_limit = 100),
        ConfigError::Datagram { .. }
    ));
    assert!(matches!(
        broken(|c| c.datagram_limit = 70_000),
        ConfigError::Datagram { .. }
    ));
    assert!(matches!(
        broken(|c| c.outbox_limit_bytes = 1000),
        ConfigError::Outbox { .. }
    ));
}
