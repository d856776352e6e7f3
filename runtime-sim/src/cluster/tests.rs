//! Goal: every run's configurations are accepted by the parser and the node. Method: many drawn runs.

use std::time::Duration;

use super::*;

#[test]
fn every_drawn_cluster_is_configured_without_complaint() {
    for seed in 0..60 {
        let options = Options::draw(seed, None, Duration::from_secs(1));
        let mut cluster = Cluster::new(&options).unwrap();
        for (host, plan) in options.nodes.iter().enumerate() {
            let config = cluster.config_mut(host);
            assert_eq!(config.name, plan.name);
            assert_eq!(config.puller.is_some(), plan.role == Role::Manager);
            let (vips, logs) = match plan.role {
                Role::Mail => (options.vips.len(), 1),
                Role::Manager => (0, 0),
            };
            assert_eq!(config.vip.addresses.len(), vips);
            assert_eq!(config.logs.len(), logs);
            assert_eq!(config.counters.objects.len(), 3);
        }
    }
}
