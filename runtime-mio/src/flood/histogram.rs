//! Times in a histogram that is exact to a part in 64, whatever their size (the form of HdrHistogram, Tene): a power of
//! two is split into 64 equal buckets. The least and the greatest are exact.

use std::time::Duration;

/// Bits of a value that are kept below its highest.
const KEPT: u32 = 6;
const BUCKETS: usize = ((64 - KEPT as usize) + 1) << KEPT;

/// Counts of times in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    min: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: vec![0; BUCKETS],
            count: 0,
            min: u64::MAX,
            max: 0,
        }
    }
}

impl Histogram {
    /// Counts one.
    pub(crate) fn add(&mut self, nanos: u64) {
        self.buckets[bucket(nanos)] += 1;
        self.count += 1;
        self.min = self.min.min(nanos);
        self.max = self.max.max(nanos);
    }

    /// Adds another histogram.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// How many were counted.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// The time that `share` of all (0 to 1) do not exceed, as the upper end of its bucket; the least for 0, the greatest
    /// for 1, nothing without any.
    pub(crate) fn quantile(&self, share: f64) -> Option<Duration> {
        if self.count == 0 {
            return None;
        }
        let wanted = ((self.count as f64 * share).ceil() as u64).clamp(1, self.count);
        let mut seen = 0;
        let nanos = self.buckets.iter().enumerate().find_map(|(index, count)| {
            seen += count;
            (seen >= wanted).then(|| upper(index))
        });
        let nanos = match share {
            0.0 => self.min,
            _ => nanos.unwrap_or(self.max).clamp(self.min, self.max),
        };
        Some(Duration::from_nanos(nanos))
    }
}

const fn bucket(value: u64) -> usize {
    if value < 1 << KEPT {
        return value as usize;
    }
    let power = 63 - value.leading_zeros() - KEPT;
    ((power as usize) << KEPT) + (value >> power) as usize
}

/// The greatest value of a bucket.
const fn upper(index: usize) -> u64 {
    if index < 1 << KEPT {
        return index as u64;
    }
    let power = (index >> KEPT) - 1;
    let first = ((index - (power << KEPT)) as u64) << power;
    first + ((1 << power) - 1)
}

#[cfg(test)]
mod tests;
