//! The few statistics the report needs. Everything is a median of rounds with its extremes; no means, because one
//! disturbed round would move them.

/// What several rounds of the same measurement gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rounds(Vec<f64>);

impl Rounds {
    /// A figure that was taken once.
    pub(super) fn once(value: f64) -> Self {
        Self(vec![value])
    }

    pub(super) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// In another unit.
    pub(super) fn scaled(&self, factor: f64) -> Self {
        self.0.iter().map(|value| value * factor).collect()
    }

    /// How many rounds there were.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// NaN without a round.
    pub(super) fn median(&self) -> f64 {
        quantile(&mut self.0.clone(), 0.5)
    }

    pub(super) fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::min)
    }

    pub(super) fn max(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::max)
    }
}

impl FromIterator<f64> for Rounds {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// The value below which a share `q` of the values lies, interpolated; NaN without values. Sorts them.
pub(super) fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = q * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    values[below] + (values[above] - values[below]) * (place - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_extremes() {
        let rounds: Rounds = [3.0, 1.0, 2.0].into_iter().collect();
        assert_eq!(
            (rounds.min(), rounds.median(), rounds.max()),
            (1.0, 2.0, 3.0)
        );
        assert_eq!(rounds.count(), 3);
        assert!(Rounds::default().median().is_nan());
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&mut [4.0, 1.0, 3.0, 2.0], 0.5), 2.5);
        assert_eq!(quantile(&mut [7.0], 0.99), 7.0);
        assert!(quantile(&mut [], 0.5).is_nan());
    }
}
