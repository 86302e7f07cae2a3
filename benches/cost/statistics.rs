//! What can be said of a handful of noisy samples.

/// A median, and between what it would lie in 95 of 100 repetitions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    /// The median.
    pub(crate) median: f64,
    /// Where the interval begins.
    pub(crate) low: f64,
    /// Where it ends.
    pub(crate) high: f64,
}

impl Estimate {
    /// The median of the samples with its 95 % bootstrap interval (percentile method). NaN where
    /// there are none.
    pub(crate) fn of(samples: &[f64]) -> Self {
        const RESAMPLES: usize = 4000;
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut medians: Vec<_> = (0..RESAMPLES)
            .map(|_| {
                let again: Vec<_> =
                    samples.iter().map(|_| samples[random.below(samples.len())]).collect();
                median(&again)
            })
            .collect();
        medians.sort_by(f64::total_cmp);
        Self {
            median: median(samples),
            low: medians[RESAMPLES / 40],
            high: medians[RESAMPLES - 1 - RESAMPLES / 40],
        }
    }
}

/// The middle sample, or the mean of the two in the middle. NaN where there are none.
pub(crate) fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[length / 2],
        length => f64::midpoint(sorted[length / 2 - 1], sorted[length / 2]),
    }
}

/// A xorshift generator: the same samples give the same interval.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }
}
