//! Latencies in a histogram of powers of two, split in four: exact to a quarter, and a few hundred bytes.

/// Counts of latencies in microseconds.
#[derive(Clone, Debug)]
pub(crate) struct Latency {
    buckets: [u64; 160],
}

impl Default for Latency {
    fn default() -> Self {
        Self { buckets: [0; 160] }
    }
}

impl Latency {
    /// Counts one.
    pub(crate) fn add(&mut self, microseconds: u64) {
        self.buckets[Self::bucket(microseconds)] += 1;
    }

    /// Adds another histogram.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(other.buckets) {
            *mine += theirs;
        }
    }

    /// The latency that `percent` of all do not exceed, as the upper end of its bucket; zero without any.
    pub(crate) fn percentile(&self, percent: u64) -> u64 {
        let total: u64 = self.buckets.iter().sum();
        let wanted = (total * percent).div_ceil(100);
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted && seen > 0 {
                return Self::upper(bucket);
            }
        }
        0
    }

    fn bucket(value: u64) -> usize {
        if value < 4 {
            return value as usize;
        }
        let power = 63 - value.leading_zeros() as usize;
        let quarter = (value >> (power - 2)) as usize & 3;
        ((power - 1) * 4 + quarter).min(159)
    }

    fn upper(bucket: usize) -> u64 {
        if bucket < 4 {
            return bucket as u64;
        }
        let (power, quarter) = (bucket / 4 + 1, bucket as u64 % 4);
        ((4 + quarter + 1) << (power - 2)) - 1
    }
}

#[cfg(test)]
mod tests;
