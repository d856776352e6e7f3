//! Goal: a quantile is the exact one, but for a part in 64. Method: against sorted samples; the corners.

use std::time::Duration;

use proptest::prelude::*;

use super::{Histogram, bucket, upper};

#[test]
fn corners() {
    let mut histogram = Histogram::default();
    assert_eq!(histogram.quantile(0.5), None);
    for nanos in [0, 1, 63, 64, 127, 128, u64::MAX] {
        histogram.add(nanos);
        assert!(upper(bucket(nanos)) >= nanos);
    }
    assert_eq!(histogram.quantile(0.0), Some(Duration::ZERO));
    assert_eq!(
        histogram.quantile(1.0),
        Some(Duration::from_nanos(u64::MAX))
    );
    let mut other = Histogram::default();
    other.add(5);
    other.merge(&histogram);
    assert_eq!(other.count(), 8);
    assert_eq!(other.quantile(0.3), Some(Duration::from_nanos(5)));
}

proptest! {
    #[test]
    fn close_to_the_exact_quantile(
        mut samples in prop::collection::vec(prop_oneof![0_u64..1000, 0_u64..10_000_000_000], 1..300),
        share in 0.0..=1.0_f64,
    ) {
        let mut histogram = Histogram::default();
        for sample in &samples {
            histogram.add(*sample);
        }
        samples.sort_unstable();
        let place = ((samples.len() as f64 * share).ceil() as usize).clamp(1, samples.len());
        let exact = samples[place - 1];
        let found = histogram.quantile(share).unwrap().as_nanos() as u64;
        prop_assert!(found >= exact && found - exact <= exact / 64, "{found} for {exact}");
    }
}
