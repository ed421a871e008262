//! The original agents send byte counters and no rates; charts need rates. Pure; one per session.

use chatops_schemas::{clock::Timestamp, event::metric::Sample};

/// Remembers the counters of the reading before.
#[derive(Debug, Default)]
pub(super) struct Rates {
    before: Option<(Timestamp, Vec<Counters>)>,
}

/// Name, received and sent.
type Counters = (String, Option<u64>, Option<u64>);

impl Rates {
    /// Fills in the rates of interfaces that only have counters. A counter that went back is a restart: no rate.
    pub(super) fn fill(&mut self, at: Timestamp, sample: &mut Sample) {
        if let Some((then, before)) = &self.before {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a reading interval is far below 2^52 µs"
            )]
            let seconds = at.micros_since(*then) as f64 / 1e6;
            for net in &mut sample.net {
                let Some((_, rx, tx)) = before.iter().find(|(name, ..)| *name == net.name) else {
                    continue;
                };
                net.rx = net.rx.or_else(|| rate(*rx, net.rx_total, seconds));
                net.tx = net.tx.or_else(|| rate(*tx, net.tx_total, seconds));
            }
        }
        let counters = sample
            .net
            .iter()
            .map(|net| (net.name.clone(), net.rx_total, net.tx_total));
        self.before = Some((at, counters.collect()));
    }
}

fn rate(before: Option<u64>, now: Option<u64>, seconds: f64) -> Option<f32> {
    let grown = now?.checked_sub(before?)?;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a rate is shown with a few digits"
    )]
    (seconds > 0.0).then(|| (grown as f64 / seconds) as f32)
}

#[cfg(test)]
mod tests {
    use chatops_schemas::event::metric::Interface;

    use super::*;

    fn reading(rx: u64, tx: u64) -> Sample {
        Sample {
            net: vec![Interface {
                name: "all".into(),
                rx_total: Some(rx),
                tx_total: Some(tx),
                ..Interface::default()
            }],
            ..Sample::default()
        }
    }

    #[test]
    fn rates_come_from_two_readings() {
        let mut rates = Rates::default();
        let mut first = reading(1000, 5000);
        rates.fill(Timestamp::from_millis(0), &mut first);
        assert_eq!((first.net[0].rx, first.net[0].tx), (None, None));
        let mut second = reading(6000, 4000);
        rates.fill(Timestamp::from_millis(5000), &mut second);
        // What was sent went back: the host restarted.
        assert_eq!((second.net[0].rx, second.net[0].tx), (Some(1000.0), None));
        // Two readings of one moment have no rate.
        let mut third = reading(7000, 4000);
        rates.fill(Timestamp::from_millis(5000), &mut third);
        assert_eq!(third.net[0].rx, None);
    }
}
