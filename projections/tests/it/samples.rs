//! Samples become rows, and what cannot is parked with its reason.

use chatops_bus::projector::{Halt, Outcome};
use chatops_projections::{breaker, projector::SinkSettings};
use chatops_schemas::{
    codec,
    event::{
        ctl::ServerDeleted,
        metric::{Container, Disk, Filesystem, Process, Sample, Sensor},
    },
    subject::{self, Entity},
};

use crate::ground::{
    self, Ground, sample, sample_event, sample_recorded, server_id, stored_subject,
};

async fn reasons(ground: &Ground) -> String {
    ground
        .database
        .psql("SELECT string_agg(seq || ' ' || reason, ', ' ORDER BY seq) FROM dlq")
        .await
        .unwrap()
}

#[tokio::test]
async fn people_see_every_number_under_its_name() {
    let ground = Ground::with_fleet(1).await;
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    let data = Sample {
        disk: vec![Disk {
            name: "sda".to_owned(),
            read: Some(10.0),
            util: Some(99.5),
            ..Disk::default()
        }],
        temp: vec![Sensor {
            name: "cpu".to_owned(),
            celsius: Some(61.5),
        }],
        containers: vec![Container {
            name: "db".to_owned(),
            cpu: Some(150.0),
            mem: Some(4096),
            ..Container::default()
        }],
        top_cpu: vec![Process {
            pid: 7,
            name: "rustc".to_owned(),
            user: Some("a\0b".to_owned()),
            cpu: Some(99.0),
            mem: Some(1),
        }],
        ..sample(42.0)
    };
    let time = ground::now();
    assert_eq!(
        hand.apply(vec![sample_recorded(1, &server_id(0), time, data)])
            .await,
        Outcome::Applied
    );
    let all = ground
        .database
        .psql(
            "SELECT (SELECT concat_ws(' ', server, cpu, cpu_user, cpu_steal, load5, mem, mem_total, processes, rx, tx, disk_read, disk_max, temp_max, seq) FROM metrics)
             || '; ' || (SELECT string_agg(concat_ws(' ', mount, total, used, available, inodes), ', ' ORDER BY mount) FROM metrics_fs)
             || '; ' || (SELECT concat_ws(' ', device, read, write, util) FROM metrics_disk)
             || '; ' || (SELECT concat_ws(' ', interface, rx, tx) FROM metrics_net)
             || '; ' || (SELECT string_agg(core || ' ' || coalesce(busy::text, '-'), ', ' ORDER BY core) FROM metrics_core)
             || '; ' || (SELECT concat_ws(' ', sensor, celsius) FROM metrics_temp)
             || '; ' || (SELECT concat_ws(' ', container, cpu, mem) FROM metrics_container)
             || '; ' || (SELECT concat_ws(' ', cpu -> 0 ->> 'name', cpu -> 0 ->> 'user', cpu -> 0 ->> 'cpu', mem) FROM metrics_top)",
        )
        .await
        .unwrap();
    assert_eq!(
        all,
        "Host 0 42 21 0.25 25 8.589935e+09 123 1000 500 10 75 61.5 1; / 1000 500 500, /var 1000 750 250; sda 10 99.5; \
         eth0 1000 500; 0 42, 1 -; cpu 61.5; db 150 4096; rustc ab 99.0 []"
    );
}

#[tokio::test]
async fn duplicates_and_late_samples_are_sorted_out() {
    let ground = Ground::with_fleet(2).await;
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    let start = ground::now().plus_millis(-600_000);
    let at = |seq, host: usize, step: i64, cpu| {
        sample_recorded(
            seq,
            &server_id(host),
            start.plus_millis(step * 5000),
            sample(cpu),
        )
    };
    // In order, again in the same batch, out of order.
    let batch = vec![
        at(1, 0, 5, 5.0),
        at(2, 0, 5, 99.0),
        at(3, 1, 5, 5.0),
        at(4, 0, 3, 3.0),
        at(5, 0, 6, 6.0),
    ];
    assert_eq!(hand.apply(batch).await, Outcome::Applied);
    // Again in a later batch, and by a projector that has just started.
    assert_eq!(
        hand.apply(vec![at(6, 0, 6, 99.0), at(7, 0, 4, 4.0), at(8, 1, 6, 6.0)])
            .await,
        Outcome::Applied
    );
    let mut fresh = ground::metrics(&ground.store, &ground.bus).await;
    assert_eq!(
        fresh
            .apply(vec![
                at(9, 0, 3, 99.0),
                at(10, 0, 7, 7.0),
                at(11, 1, 6, 99.0)
            ])
            .await,
        Outcome::Applied
    );
    let rows = |host: usize| {
        let sql = format!(
            "SELECT string_agg(cpu::text, ' ' ORDER BY ts) FROM metrics WHERE server_id = 'host-{host}'"
        );
        async { ground.database.psql(&{ sql }).await.unwrap() }
    };
    assert_eq!(
        (rows(0).await, rows(1).await),
        ("3 4 5 6 7".to_owned(), "5 6".to_owned())
    );
    assert_eq!(ground.count("dlq").await, 0);
}

#[tokio::test]
async fn hostile_input_is_parked_with_its_reason_and_hurts_nobody() {
    let ground = Ground::with_fleet(3).await;
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    let (good, evil, now) = (server_id(0), server_id(1), ground::now());
    let on = stored_subject(&evil);
    let clock = |seq, millis: i64| {
        let mut event = sample_recorded(seq, &evil, now.plus_millis(millis), sample(1.0));
        event.stored_at = now;
        event
    };
    let bytes = |seq, payload: Vec<u8>| ground::recorded_bytes(seq, &on, now, payload);
    let whole = codec::encode(&sample_event(&evil, now, sample(1.0))).unwrap();
    let mut nan = sample(1.0);
    nan.net[0].rx = Some(f32::NAN);
    let mounts = |n: usize| Sample {
        fs: (0..n)
            .map(|n| ground::filesystem(&format!("/{n}"), 1))
            .collect(),
        ..sample(1.0)
    };
    let mut other_type = sample_event(&evil, now, sample(1.0));
    other_type.kind = "rm.rf".to_owned();
    let script = Sample {
        fs: vec![Filesystem {
            mount: "'); DROP TABLE users; --<script>alert(1)</script>".to_owned(),
            ..Filesystem::default()
        }],
        ..sample(1.0)
    };
    let batch = vec![
        sample_recorded(1, &good, now, sample(1.0)),
        bytes(2, Vec::new()),
        bytes(3, b"{\"id\":1}".to_vec()),
        bytes(4, whole[..whole.len() / 2].to_vec()),
        bytes(5, [whole.clone(), vec![0]].concat()),
        bytes(6, vec![0xdf, 0xff, 0xff, 0xff, 0xff]),
        bytes(7, vec![0x91; 60_000]),
        clock(8, -24 * 3_600_000 - 1000),
        clock(9, 121_000),
        clock(10, -1_700_000_000_000),
        clock(11, 2_300_000_000_000),
        ground::recorded(12, &on, &sample_event(&server_id(2), now, sample(1.0))),
        ground::recorded(13, &on, &sample_event(&evil, now, nan)),
        ground::recorded(14, &on, &sample_event(&evil, now, mounts(600))),
        ground::recorded(15, &on, &other_type),
        ground::recorded(
            16,
            &stored_subject(&server_id(77)),
            &sample_event(&server_id(77), now, sample(1.0)),
        ),
        ground::recorded(17, &on, &sample_event(&evil, now, script)),
        clock(18, -24 * 3_600_000 + 1000),
        clock(19, 119_000),
        sample_recorded(20, &good, now.plus_millis(5000), sample(2.0)),
    ];
    assert_eq!(hand.apply(batch).await, Outcome::Applied);
    assert_eq!(
        reasons(&ground).await,
        "2 undecodable, 3 undecodable, 4 undecodable, 5 undecodable, 6 undecodable, 7 undecodable, 8 clock, 9 clock, \
         10 clock, 11 clock, 12 wrong_server, 13 undecodable, 14 undecodable, 15 unknown_type, 16 unknown_server"
    );
    let seqs = ground
        .database
        .psql("SELECT string_agg(seq::text, ' ' ORDER BY seq) FROM metrics_raw")
        .await
        .unwrap();
    assert_eq!(seqs, "1 17 18 19 20");
    let chunks = ground
        .database
        .psql("SELECT count(*) FROM show_chunks('metrics_raw')")
        .await
        .unwrap();
    assert!(
        chunks.parse::<u32>().unwrap() <= 2,
        "no chunks for impossible times: {chunks}"
    );
    let payload = ground
        .database
        .psql("SELECT octet_length(payload) FROM dlq WHERE seq = 4")
        .await
        .unwrap();
    assert_eq!(payload, (whole.len() / 2).to_string());
    let parked = ground.store.parked(None, 100).await.unwrap();
    assert_eq!(parked.len(), 15);
    assert!(
        parked
            .iter()
            .all(|event| !event.error.is_empty() && event.state == "open")
    );
}

#[tokio::test]
async fn one_host_cannot_fill_the_disk_or_stop_the_others() {
    let ground = Ground::with_fleet(2).await;
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    let junk = (1..=1500).map(|seq| {
        ground::recorded_bytes(
            seq,
            &stored_subject(&server_id(1)),
            ground::now(),
            vec![0xc1; 100],
        )
    });
    assert_eq!(hand.apply(junk.collect()).await, Outcome::Applied);
    let kept = ground
        .database
        .psql("SELECT count(*) || ' ' || count(payload) FROM dlq")
        .await
        .unwrap();
    assert_eq!(kept, "1500 100", "every position, few payloads");
}

#[tokio::test]
async fn a_fault_of_ours_stops_the_projector_before_it_parks_everything() {
    let ground = Ground::with_fleet(0).await;
    let junk = |range: std::ops::RangeInclusive<u64>| {
        range
            .map(|seq| {
                let server = server_id(usize::try_from(seq % 10).unwrap());
                ground::recorded_bytes(seq, &stored_subject(&server), ground::now(), vec![0xc1; 10])
            })
            .collect::<Vec<_>>()
    };
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    assert_eq!(hand.apply(junk(1..=50)).await, Outcome::Applied);
    let outcome = hand.apply(junk(51..=200)).await;
    assert!(
        matches!(outcome, Outcome::Halt(Halt::TooManyParked(_))),
        "{outcome:?}"
    );
    assert_eq!(
        ground.count("dlq").await,
        50,
        "nothing of the batch that tripped it"
    );

    let off = SinkSettings {
        breaker: breaker::Settings {
            enabled: false,
            ..breaker::Settings::default()
        },
        ..ground::shared()
    };
    let mut hand = ground::metrics_with(&ground.store, &ground.bus, &off).await;
    assert_eq!(
        hand.apply(junk(51..=200)).await,
        Outcome::Applied,
        "the operator has looked and knows"
    );
    assert_eq!(ground.count("dlq").await, 200);
}

#[tokio::test]
async fn a_newer_version_stops_the_projector() {
    let ground = Ground::with_fleet(1).await;
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    let mut newer = sample_event(&server_id(0), ground::now(), sample(1.0));
    newer.ver = 2;
    let outcome = hand
        .apply(vec![ground::recorded(
            1,
            &stored_subject(&server_id(0)),
            &newer,
        )])
        .await;
    assert!(
        matches!(outcome, Outcome::Halt(Halt::NeedsUpgrade(_))),
        "{outcome:?}"
    );
    assert_eq!(
        (ground.count("metrics_raw").await, ground.count("dlq").await),
        (0, 0)
    );
}

#[tokio::test]
async fn samples_of_a_deleted_server_are_counted_out() {
    let ground = Ground::with_fleet(2).await;
    let mut inventory = ground::inventory(&ground.store).await;
    let deleted = ServerDeleted {
        server: server_id(1),
    };
    let event = ground::recorded(
        6,
        &subject::ctl(Entity::Server, "host-1"),
        &ground::envelope(deleted),
    );
    assert_eq!(inventory.apply(vec![event]).await, Outcome::Applied);
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    let now = ground::now();
    let batch = (0..2).map(|n| {
        sample_recorded(
            n + 1,
            &server_id(usize::try_from(n).unwrap()),
            now,
            sample(1.0),
        )
    });
    assert_eq!(hand.apply(batch.collect()).await, Outcome::Applied);
    assert_eq!(reasons(&ground).await, "2 deleted_server");
    assert_eq!(ground.count("metrics_raw").await, 1);
}

#[tokio::test]
async fn a_sample_may_arrive_before_its_server_is_known_here() {
    let ground = Ground::with_fleet(1).await;
    // Events are in the control stream that the inventory (fed by hand above, up to 3) has not read.
    ground::publish_fleet(&ground.bus, 5).await;
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    let early = || {
        vec![sample_recorded(
            1,
            &server_id(4),
            ground::now(),
            sample(1.0),
        )]
    };
    let refused = hand.apply_to(early(), 1).await.unwrap_err();
    assert!(refused.to_string().contains("host-4"), "{refused}");
    assert_eq!(ground.count("dlq").await, 0);

    let mut inventory = ground::inventory(&ground.store).await;
    let rest = ground::fleet(5)
        .into_iter()
        .filter(|event| event.seq > 3)
        .collect();
    assert_eq!(inventory.apply(rest).await, Outcome::Applied);
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    assert_eq!(hand.apply(early()).await, Outcome::Applied);
    assert_eq!(ground.count("metrics_raw").await, 1);
}

#[tokio::test]
async fn devices_that_come_and_go_keep_their_own_numbers() {
    let ground = Ground::with_fleet(1).await;
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    let start = ground::now().plus_millis(-60_000);
    let with = |seq, step: i64, mounts: &[&str]| {
        let fs = mounts
            .iter()
            .enumerate()
            .map(|(n, mount)| ground::filesystem(mount, (n as u64 + 1) * 10))
            .collect();
        sample_recorded(
            seq,
            &server_id(0),
            start.plus_millis(step * 1000),
            Sample {
                fs,
                ..Sample::default()
            },
        )
    };
    let batch = vec![
        with(1, 1, &["/"]),
        with(2, 2, &["/", "/usb"]),
        with(3, 3, &["/"]),
        with(4, 4, &[]),
        with(5, 5, &["/usb", "/"]),
    ];
    assert_eq!(hand.apply(batch).await, Outcome::Applied);
    let used = ground
        .database
        .psql("SELECT string_agg(mount || ' ' || used, ', ' ORDER BY ts, mount) FROM metrics_fs")
        .await
        .unwrap();
    assert_eq!(used, "/ 100, / 100, /usb 200, / 100, / 200, /usb 100");
    assert_eq!(ground.count("metric_layout").await, 3);
    // A projector that starts afresh finds the layouts again.
    let mut fresh = ground::metrics(&ground.store, &ground.bus).await;
    assert_eq!(
        fresh
            .apply(vec![with(6, 6, &["/", "/usb"]), with(7, 7, &["/"])])
            .await,
        Outcome::Applied
    );
    assert_eq!(ground.count("metric_layout").await, 3);
}

#[tokio::test]
async fn a_host_whose_devices_never_stay_the_same_is_stored_too() {
    let ground = Ground::with_fleet(1).await;
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    let start = ground::now().plus_millis(-60_000);
    let batch = (1..=200_u64).map(|seq| {
        let data = Sample {
            net: vec![ground::interface(&format!("veth{}", seq % 150), 1.0)],
            ..Sample::default()
        };
        sample_recorded(
            seq,
            &server_id(0),
            start.plus_millis(i64::try_from(seq).unwrap()),
            data,
        )
    });
    assert_eq!(hand.apply(batch.collect()).await, Outcome::Applied);
    assert_eq!(
        (
            ground.count("metrics_net").await,
            ground.count("metric_layout").await
        ),
        (200, 150)
    );
}

#[tokio::test]
async fn the_busiest_processes_are_kept_once_a_minute() {
    let ground = Ground::with_fleet(1).await;
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    let minute = ground::now().millis() / 60_000 * 60_000 - 600_000;
    let minute = chatops_schemas::clock::Timestamp::from_millis(minute);
    let with = |seq, seconds: i64| {
        let top = vec![Process {
            pid: 1,
            name: format!("p{seq}"),
            ..Process::default()
        }];
        sample_recorded(
            seq,
            &server_id(0),
            minute.plus_millis(seconds * 1000),
            Sample {
                top_cpu: top,
                ..Sample::default()
            },
        )
    };
    assert_eq!(
        hand.apply(vec![with(1, 1), with(2, 30), with(3, 61)]).await,
        Outcome::Applied
    );
    let mut fresh = ground::metrics(&ground.store, &ground.bus).await;
    assert_eq!(
        fresh.apply(vec![with(4, 62), with(5, 130)]).await,
        Outcome::Applied
    );
    let kept = ground
        .database
        .psql("SELECT string_agg(cpu -> 0 ->> 'name', ' ' ORDER BY ts) FROM metrics_top")
        .await
        .unwrap();
    assert_eq!(kept, "p1 p3 p5");
}
