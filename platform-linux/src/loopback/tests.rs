//! Goal: the account says what it was told, and refuses what it could not do. Method: calls in a row.

use ipnet::IpNet;

use super::LoopbackMode;
use crate::PlatformError;

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

#[test]
fn it_keeps_account() {
    let mut mode = LoopbackMode::new();
    assert_eq!(mode.survey().unwrap(), []);
    mode.acquire(net("127.1.2.3/32"), "lo").unwrap();
    mode.acquire(net("127.1.2.3/32"), "lo").unwrap();
    mode.announce(net("127.1.2.3/32"), "lo").unwrap();
    assert!(mode.holds(net("127.1.2.3/32").addr()));
    // Found again, or the periodic check of the cluster would think it lost.
    assert_eq!(
        mode.survey().unwrap(),
        [(net("127.1.2.3/32"), "lo".to_owned())]
    );
    assert!(mode.list().unwrap()[0].tagged);
    mode.release(net("127.1.2.3/32"), "lo").unwrap();
    mode.release(net("127.1.2.3/32"), "lo").unwrap();
    assert_eq!(mode.survey().unwrap(), []);
}

#[test]
fn it_refuses_real_addresses() {
    let mut mode = LoopbackMode::new();
    for text in ["10.0.0.1/32", "128.0.0.1/32", "::1/128"] {
        let error = mode.acquire(net(text), "eth0").unwrap_err();
        assert!(
            matches!(error, PlatformError::NotLoopback { .. }),
            "{error}"
        );
        assert!(error.to_string().contains("127.0.0.0/8"));
        assert!(mode.release(net(text), "eth0").is_err());
        assert!(mode.announce(net(text), "eth0").is_err());
    }
    assert_eq!(mode.survey().unwrap(), []);
}
