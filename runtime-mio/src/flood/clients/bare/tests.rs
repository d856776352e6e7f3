//! Goal: every message makes its way and its time is plausible. Method: a short run.

use std::time::Duration;

use super::measure;

#[test]
fn every_message_arrives() {
    for size in [32, 60_000] {
        let times = measure(size, 1000.0, Duration::from_millis(50)).unwrap();
        assert_eq!(times.count(), 50);
        let (least, most) = (times.quantile(0.0).unwrap(), times.quantile(1.0).unwrap());
        assert!(Duration::ZERO < least && least <= most && most < Duration::from_secs(60));
    }
}
