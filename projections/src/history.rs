//! Charts: which resolution answers a question, and where a line must break. No I/O; the statements are in
//! `store/history.rs`.

use chatops_schemas::clock::Timestamp;

use crate::{retention::Retention, view::Resolution};

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Steps that people can read off an axis.
const NICE: [i64; 22] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    20 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    20 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
];

/// How a question will be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) resolution: Resolution,
    /// Milliseconds per point; 0: single samples.
    pub(crate) step_ms: i64,
    pub(crate) retention_from: Timestamp,
}

/// Chooses the finest resolution that still holds `from` and does not give many more than `max_points` points.
/// `interval_ms` is what is expected between samples.
pub(crate) fn plan(
    (from, to): (Timestamp, Timestamp),
    max_points: u32,
    interval_ms: i64,
    retention: &Retention,
    now: Timestamp,
) -> Plan {
    let want = (to.millis() - from.millis())
        .max(1)
        .div_euclid(i64::from(max_points.max(1)))
        .max(1);
    let kept = |days: u32| now.plus_millis(-i64::from(days) * DAY);
    let (raw, minutes, hours) = (
        kept(retention.raw_days),
        kept(retention.minute_days),
        kept(retention.hour_days),
    );
    if want < MINUTE && from >= raw {
        // Close to the interval, buckets would hold one sample or none by chance.
        let step_ms = if want * 2 < interval_ms * 5 {
            0
        } else {
            nice(want)
        };
        Plan {
            resolution: Resolution::Raw,
            step_ms,
            retention_from: raw,
        }
    } else if want < HOUR && from >= minutes {
        Plan {
            resolution: Resolution::Minute,
            step_ms: nice(want.max(MINUTE)),
            retention_from: minutes,
        }
    } else {
        Plan {
            resolution: Resolution::Hour,
            step_ms: nice(want.max(HOUR)),
            retention_from: hours,
        }
    }
}

/// The least readable step that is not below `want`; whole weeks beyond.
pub(crate) fn nice(want: i64) -> i64 {
    NICE.into_iter()
        .find(|step| *step >= want)
        .unwrap_or_else(|| (want + 7 * DAY - 1).div_euclid(7 * DAY) * 7 * DAY)
}

/// Values of one line at one point: least, mean, greatest.
pub(crate) type Triple = [Option<f32>; 3];

/// All lines at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    /// Milliseconds since 1970.
    pub(crate) t: i64,
    pub(crate) values: Vec<Triple>,
}

/// Puts a point without values where nothing was measured for longer than expected, so that no line is drawn across.
pub(crate) fn break_lines(points: Vec<Point>, step_ms: i64, interval_ms: i64) -> Vec<Point> {
    let usual = if step_ms == 0 {
        interval_ms.max(usual_distance(&points))
    } else {
        step_ms.max(interval_ms)
    };
    let longest = if step_ms == 0 {
        usual * 5 / 2
    } else {
        usual * 3 / 2
    };
    let mut broken: Vec<Point> = Vec::with_capacity(points.len());
    for point in points {
        if let Some(last) = broken.last()
            && point.t - last.t > longest
        {
            let gap = Point {
                t: last.t + usual,
                values: vec![[None; 3]; point.values.len()],
            };
            broken.push(gap);
        }
        broken.push(point);
    }
    broken
}

/// The median; 0 with less than two points. A host may send more rarely than it was asked to.
fn usual_distance(points: &[Point]) -> i64 {
    let mut distances: Vec<i64> = points
        .windows(2)
        .map(|pair| pair[1].t - pair[0].t)
        .collect();
    if distances.is_empty() {
        return 0;
    }
    let middle = distances.len() / 2;
    *distances.select_nth_unstable(middle).1
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_763_850_000_000);

    fn of_last(millis: i64, max_points: u32) -> (Resolution, i64) {
        let plan = plan(
            (NOW.plus_millis(-millis), NOW),
            max_points,
            5000,
            &Retention::default(),
            NOW,
        );
        (plan.resolution, plan.step_ms)
    }

    #[test]
    fn the_finest_resolution_that_fits_is_chosen() {
        assert_eq!(of_last(5 * MINUTE, 720), (Resolution::Raw, 0));
        assert_eq!(of_last(HOUR, 720), (Resolution::Raw, 0));
        assert_eq!(of_last(6 * HOUR, 720), (Resolution::Raw, 30 * SECOND));
        assert_eq!(of_last(DAY, 288), (Resolution::Minute, 5 * MINUTE));
        assert_eq!(of_last(7 * DAY, 720), (Resolution::Minute, 15 * MINUTE));
        assert_eq!(of_last(30 * DAY, 720), (Resolution::Hour, HOUR));
        assert_eq!(of_last(365 * DAY, 720), (Resolution::Hour, DAY));
    }

    #[test]
    fn what_is_no_longer_kept_is_answered_more_coarsely() {
        let old = |days: i64| {
            let from = NOW.plus_millis(-days * DAY);
            plan(
                (from, from.plus_millis(HOUR)),
                720,
                5000,
                &Retention::default(),
                NOW,
            )
            .resolution
        };
        assert_eq!(
            (old(13), old(15), old(100)),
            (Resolution::Raw, Resolution::Minute, Resolution::Hour)
        );
    }

    #[test]
    fn absurd_questions_get_an_answer() {
        for (from, to, points) in [(0, 0, 0), (10, 5, 1), (i64::MIN / 2000, i64::MAX / 2000, 1)] {
            let range = (Timestamp::from_millis(from), Timestamp::from_millis(to));
            assert!(plan(range, points, 5000, &Retention::default(), NOW).step_ms >= 0);
        }
    }

    fn points(times: &[i64]) -> Vec<Point> {
        times
            .iter()
            .map(|t| Point {
                t: *t,
                values: vec![[Some(1.0); 3]],
            })
            .collect()
    }

    fn gaps(points: &[Point]) -> Vec<i64> {
        points
            .iter()
            .filter(|point| point.values[0][1].is_none())
            .map(|point| point.t)
            .collect()
    }

    #[test]
    fn lines_break_where_nothing_was_measured() {
        let steady = break_lines(points(&[0, 300, 600, 1200, 1500]), 300, 5);
        assert_eq!(gaps(&steady), [900]);
        let samples = break_lines(points(&[0, 5000, 10_100, 15_000, 30_000, 35_000]), 0, 5000);
        assert_eq!(gaps(&samples), [20_000]);
    }

    #[test]
    fn a_host_that_sends_rarely_has_no_gaps() {
        let rare: Vec<i64> = (0..10).map(|n| n * 60_000).collect();
        assert_eq!(
            gaps(&break_lines(points(&rare), 0, 5000)),
            Vec::<i64>::new()
        );
    }
}
