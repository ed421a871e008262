//! Where a number is going: a straight line through its readings, and how sure that is.
//!
//! Ordinary least squares. With `n` readings (x, y), means x̄ and ȳ, and the sums of squares Sxx, Sxy, Syy about them, the slope
//! is b = Sxy / Sxx; what the line leaves over is s² = (Syy − b·Sxy) / (n − 2), and the slope's standard error √(s² / Sxx). The
//! true slope is above b − t·√(s² / Sxx) with a confidence of 95 %, t being Student's quantile for n − 2 degrees of freedom
//! (Draper and Smith, *Applied Regression Analysis*, section 1.4; the quantile by the expansion 26.7.5 of Abramowitz and
//! Stegun, *Handbook of Mathematical Functions*).
//!
//! A forecast is made with that lower slope, so it says when something is full *at the latest*, as far as one can be sure of
//! it: a number that jumps up and down is not called full soon because it jumped up last. What it supposes is that what is left
//! over is noise; a number that goes up and down by the hour within the window is no straight line, and is forecast too late
//! rather than too early.

/// Fewest readings that make a line.
const FEWEST: usize = 8;
/// Later than this is never, in seconds: ten years.
pub const NEVER_S: f64 = 315_360_000.0;
/// One-sided 95 % quantile of the normal distribution.
const Z: f64 = 1.644_853_626_951_472_2;

/// Seconds from `now` until the line through `points` (seconds, value) reaches `full`, at the latest. None: too few readings, or
/// all of one moment.
pub fn full_in(points: &[(f64, f64)], now: f64, full: f64) -> Option<f64> {
    if points.len() < FEWEST {
        return None;
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "a window holds less than a hundred"
    )]
    let n = points.len() as f64;
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / n;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / n;
    let sum = |of: fn(f64, f64) -> f64| {
        let all = points.iter();
        all.map(|(x, y)| of(x - mean_x, y - mean_y)).sum::<f64>()
    };
    let (xx, xy, yy) = (sum(|x, _| x * x), sum(|x, y| x * y), sum(|_, y| y * y));
    if xx <= 0.0 {
        return None;
    }
    let slope = xy / xx;
    let left_over = (yy - slope * xy).max(0.0) / (n - 2.0);
    let lower = slope - student(n - 2.0) * (left_over / xx).sqrt();
    let here = mean_y + slope * (now - mean_x);
    if here >= full {
        return Some(0.0);
    }
    if lower <= 0.0 {
        return Some(NEVER_S);
    }
    Some(((full - here) / lower).min(NEVER_S))
}

/// One-sided 95 % quantile of Student's distribution.
fn student(freedom: f64) -> f64 {
    let first = (Z.powi(3) + Z) / (4.0 * freedom);
    let second = (5.0 * Z.powi(5) + 16.0 * Z.powi(3) + 3.0 * Z) / (96.0 * freedom.powi(2));
    let third = (3.0 * Z.powi(7) + 19.0 * Z.powi(5) + 17.0 * Z.powi(3) - 15.0 * Z)
        / (384.0 * freedom.powi(3));
    Z + first + second + third
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn students_quantiles_are_those_of_the_tables() {
        for (freedom, quantile) in [(6.0, 1.943), (10.0, 1.812), (30.0, 1.697), (60.0, 1.671)] {
            assert!(
                (student(freedom) - quantile).abs() < 2e-3,
                "{freedom}: {}",
                student(freedom)
            );
        }
    }

    #[test]
    fn what_shrinks_stands_or_jumps_is_never_full() {
        let line = |f: fn(i32) -> f64| {
            (0..40)
                .map(|n| (f64::from(n) * 60.0, f(n)))
                .collect::<Vec<_>>()
        };
        let never = |f| assert_eq!(full_in(&line(f), 2400.0, 100.0), Some(NEVER_S));
        never(|n| 80.0 - f64::from(n));
        never(|_| 80.0);
        never(|n| if n % 2 == 0 { 90.0 } else { 50.0 });
        assert_eq!(
            full_in(&line(|n| 90.0 + f64::from(n)), 2400.0, 100.0),
            Some(0.0)
        );
        assert_eq!(full_in(&line(f64::from)[..7], 600.0, 100.0), None);
        assert_eq!(full_in(&[(1.0, 50.0); 20], 1.0, 100.0), None);
    }

    proptest! {
        /// Without noise there is nothing to be unsure of, whenever that was.
        #[test]
        fn a_straight_line_is_full_where_it_meets_the_top(
            start in 0.0..1e6_f64, from in 0.0..90.0_f64, slope in 1e-4..1e-2_f64, count in 8..64_i32,
        ) {
            let points: Vec<_> = (0..count)
                .map(|n| (start + f64::from(n) * 60.0, from + slope * f64::from(n) * 60.0))
                .collect();
            let (now, here) = points[points.len() - 1];
            let wanted = ((100.0 - here) / slope).max(0.0);
            let found = full_in(&points, now, 100.0).unwrap();
            prop_assert!((found - wanted).abs() <= 1e-3 * wanted + 1.0, "{found}, not {wanted}");
        }

        /// Noise only makes it later, never sooner than the line itself says.
        #[test]
        fn who_is_less_sure_says_later(
            noise in prop::collection::vec(-3.0..3.0_f64, 20..64), slope in 1e-4..1e-2_f64,
        ) {
            let points: Vec<_> = (0..)
                .zip(&noise)
                .map(|(n, noise)| {
                    let x = f64::from(n) * 60.0;
                    (x, 10.0 + slope * x + noise)
                })
                .collect();
            let now = points[points.len() - 1].0;
            let n = points.len() as f64;
            let (mx, my) = points.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0 / n, y + p.1 / n));
            let xy: f64 = points.iter().map(|(x, y)| (x - mx) * (y - my)).sum();
            let xx: f64 = points.iter().map(|(x, _)| (x - mx).powi(2)).sum();
            let plain = (100.0 - (my + xy / xx * (now - mx))) / (xy / xx);
            let found = full_in(&points, now, 100.0).unwrap();
            prop_assert!((0.0..=NEVER_S).contains(&found));
            if xy > 0.0 && plain > 0.0 && plain < NEVER_S {
                prop_assert!(found >= plain * 0.999, "{found}, sooner than {plain}");
            }
        }
    }
}
