//! A trial on the readings that a real stream holds, and where it ends.

use chatops_alerting::history::{Attempt, Bounds, Detail, Found, Span};
use chatops_schemas::{
    clock::Timestamp,
    event::metric::{Cpu, Sample},
};
use tokio::time::Instant;

use super::{
    by_hand::rule,
    ground::{self, host, send},
};

fn cpu(total: f32) -> Sample {
    Sample {
        cpu: Some(Cpu {
            total: Some(total),
            ..Cpu::default()
        }),
        ..Sample::default()
    }
}

#[tokio::test]
async fn a_trial_reads_the_span_of_one_server_within_its_bounds() {
    let (_server, bus) = ground::server().await;
    let start = ground::now().plus_millis(-3_600_000);
    let at = |n: i64| start.plus_millis(n * 5000);
    for (n, busy) in (0..).zip([10.0, 95.0, 95.0, 10.0, 95.0, 10.0]) {
        send(&bus, &host(0), at(n), &cpu(busy)).await;
        send(&bus, &host(1), at(n), &cpu(99.0)).await;
    }
    let rule = rule("cpu > 90");
    let run = async |server: usize, from: Timestamp, to: Option<Timestamp>, bounds: Bounds| {
        let span = Span { from, to };
        let mut attempt = Attempt::new(&rule, span, bounds).unwrap();
        attempt.stream(&bus, &host(server), None).await.unwrap();
        attempt.found()
    };
    let raised = |found: &Found| -> Vec<Timestamp> {
        let episodes = found.report.episodes.iter();
        episodes.map(|episode| episode.raised).collect()
    };

    let all = run(0, start, None, Bounds::default()).await;
    assert_eq!(
        (all.complete, all.unread, all.report.readings),
        (true, 0, 6)
    );
    assert_eq!(raised(&all), [at(1), at(4)]);
    assert_eq!(all.report.episodes[0].resolved, Some(at(3)));
    let part = all
        .parts
        .iter()
        .map(|part| (part.detail, part.from, part.to, part.readings));
    assert_eq!(part.collect::<Vec<_>>(), [(Detail::Each, start, at(5), 6)]);

    // Both ends are in.
    let some = run(0, at(2), Some(at(3)), Bounds::default()).await;
    assert_eq!((some.complete, some.report.readings), (true, 2));
    assert_eq!(raised(&some), [at(2)]);

    // Nobody, and nothing any more, is an answer, too.
    for (server, from) in [(2, start), (0, ground::now().plus_millis(60_000))] {
        let none = run(server, from, None, Bounds::default()).await;
        assert_eq!((none.complete, none.report.readings), (true, 0));
    }

    let late = Bounds {
        deadline: Some(Instant::now()),
        ..Bounds::default()
    };
    let late = run(0, start, None, late).await;
    assert_eq!((late.complete, late.report.readings), (false, 0));

    let few = Bounds {
        stretches: Some(1),
        ..Bounds::default()
    };
    let few = run(0, start, None, few).await;
    assert_eq!((few.complete, few.report.readings), (false, 2));
    assert_eq!(raised(&few), [at(1)]);
}
