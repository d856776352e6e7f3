//! Goal: a percentile is never below the true one and at most a quarter above. Method: compare with sorted
//! values.

use proptest::prelude::*;

use super::Latency;

proptest! {
    #[test]
    fn percentiles_are_close(mut values in prop::collection::vec(0u64..10_000_000, 1..200), percent in 1u64..=100) {
        let mut latency = Latency::default();
        for value in &values {
            latency.add(*value);
        }
        values.sort_unstable();
        let rank = (values.len() as u64 * percent).div_ceil(100) as usize;
        let exact = values[rank - 1];
        let told = latency.percentile(percent);
        prop_assert!(told >= exact, "{told} < {exact}");
        prop_assert!(told <= exact + exact / 4 + 1, "{told} > {exact} by more than a quarter");
    }
}
