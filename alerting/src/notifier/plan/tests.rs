use chatops_schemas::{
    channel::Hours,
    event::alert::Head,
    ids::{EventId, RuleId, ServerId},
    rule::Severity,
};
use uuid::Uuid;

use super::*;

const START: i64 = 1_770_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros((START + second) * 1_000_000)
}

fn alert() -> Alert {
    Alert {
        server: ServerId::parse("web-01").unwrap(),
        head: Head {
            alert: AlertId(Uuid::from_u128(1)),
            rule: RuleId(Uuid::from_u128(2)),
            rule_version: 1,
            name: "cpu".to_owned(),
            wording: "cpu > 90".to_owned(),
            device: String::new(),
            severity: Severity::Warning,
            since: at(0),
            raised: at(0),
            source: "OPS_METRICS".to_owned(),
            through: 7,
        },
        event: EventId(Uuid::from_u128(3)),
        stored: at(0),
        begun: at(0),
        acknowledged: false,
        over: false,
        ended: None,
        values: Vec::new(),
        note: String::new(),
    }
}

fn told(occasion: Occasion, delivery: Delivery) -> Told {
    Told {
        seq: 9,
        at: at(0),
        number: 1,
        occasion,
        delivery,
    }
}

fn sent(occasion: Occasion) -> Told {
    let answer = "200".to_owned();
    told(occasion, Delivery::Sent { answer, took_ms: 1 })
}

fn held(why: Held) -> Told {
    told(Occasion::Raised, Delivery::Held { why })
}

fn when(second: i64) -> Circumstances {
    Circumstances {
        now: at(second),
        channel_made: at(-100),
        silence: None,
        host_down: None,
        allowed: true,
    }
}

fn all() -> Receives {
    Receives::everything()
}

#[test]
fn it_is_told_once_and_then_that_it_is_over() {
    let mut alert = alert();
    assert_eq!(
        next(&alert, None, &all(), &when(0)),
        Next::Tell(Occasion::Raised)
    );
    let raised = sent(Occasion::Raised);
    assert_eq!(next(&alert, Some(&raised), &all(), &when(1)), Next::Nothing);
    alert.over = true;
    assert_eq!(
        next(&alert, Some(&raised), &all(), &when(2)),
        Next::Tell(Occasion::Resolved)
    );
    let over = sent(Occasion::Resolved);
    assert_eq!(next(&alert, Some(&over), &all(), &when(3)), Next::Nothing);
    let mut quiet = all();
    quiet.resolved = false;
    assert_eq!(next(&alert, Some(&raised), &quiet, &when(2)), Next::Nothing);
}

#[test]
fn what_is_not_the_channels_business_is_not_told() {
    let alert = alert();
    let mut receives = all();
    receives.severity = Severity::Critical;
    assert_eq!(next(&alert, None, &receives, &when(0)), Next::Nothing);
    receives = all();
    receives.rules = vec![RuleId(Uuid::from_u128(99))];
    assert_eq!(next(&alert, None, &receives, &when(0)), Next::Nothing);
    let mut new = when(10);
    new.channel_made = at(5);
    assert_eq!(
        next(&alert, None, &all(), &new),
        Next::Nothing,
        "made after it began"
    );
}

#[test]
fn a_silence_is_written_down_once_and_what_outlives_it_is_told() {
    let mut alert = alert();
    let silence = SilenceId(Uuid::from_u128(5));
    let mut is = when(1);
    is.silence = Some(silence);
    let why = Held::Silence(silence);
    assert_eq!(next(&alert, None, &all(), &is), Next::Hold(why.clone()));
    let quiet = held(why);
    assert_eq!(next(&alert, Some(&quiet), &all(), &is), Next::Nothing);
    assert_eq!(
        next(&alert, Some(&quiet), &all(), &when(60)),
        Next::Tell(Occasion::Raised)
    );
    alert.over = true;
    assert_eq!(
        next(&alert, Some(&quiet), &all(), &when(60)),
        Next::Nothing,
        "nobody is told of the end of what nobody was told of"
    );
}

#[test]
fn a_host_that_is_down_speaks_for_itself() {
    let down = AlertId(Uuid::from_u128(6));
    let mut is = when(1);
    is.host_down = Some(down);
    assert_eq!(
        next(&alert(), None, &all(), &is),
        Next::Hold(Held::HostDown(down))
    );
    let quiet = held(Held::HostDown(down));
    assert_eq!(next(&alert(), Some(&quiet), &all(), &is), Next::Nothing);
    assert_eq!(
        next(&alert(), Some(&quiet), &all(), &when(9)),
        Next::Tell(Occasion::Raised)
    );
}

#[test]
fn escalation_waits_and_an_acknowledged_alert_does_not_escalate() {
    let mut receives = all();
    receives.after_ms = 300_000;
    let mut alert = alert();
    assert_eq!(next(&alert, None, &receives, &when(299)), Next::At(at(300)));
    assert_eq!(
        next(&alert, None, &receives, &when(300)),
        Next::Tell(Occasion::Raised)
    );
    alert.acknowledged = true;
    assert_eq!(
        next(&alert, None, &receives, &when(100)),
        Next::Hold(Held::Acknowledged)
    );
}

#[test]
fn reminders_come_until_somebody_takes_care_of_it() {
    let mut receives = all();
    receives.repeat_ms = 60_000;
    let mut alert = alert();
    let raised = sent(Occasion::Raised);
    assert_eq!(
        next(&alert, Some(&raised), &receives, &when(59)),
        Next::At(at(60))
    );
    assert_eq!(
        next(&alert, Some(&raised), &receives, &when(60)),
        Next::Tell(Occasion::Reminder)
    );
    alert.acknowledged = true;
    assert_eq!(
        next(&alert, Some(&raised), &receives, &when(60)),
        Next::Nothing
    );
}

#[test]
fn what_was_found_late_and_is_over_already_pages_nobody() {
    let mut alert = alert();
    alert.stored = at(3600);
    alert.begun = at(3600);
    assert_eq!(next(&alert, None, &all(), &when(3600)), Next::At(at(3615)));
    assert_eq!(
        next(&alert, None, &all(), &when(3615)),
        Next::Tell(Occasion::Raised),
        "it is still so"
    );
    alert.over = true;
    assert_eq!(
        next(&alert, None, &all(), &when(3601)),
        Next::Hold(Held::Over)
    );
}

#[test]
fn outside_its_hours_a_channel_waits() {
    let mut receives = all();
    // START lies in the morning of a Monday, UTC.
    receives.hours = Some(Hours {
        zone: "UTC".to_owned(),
        days: vec![1],
        from: 0,
        until: 1,
    });
    assert_eq!(next(&alert(), None, &receives, &when(0)), Next::Nothing);
    receives.hours = Some(Hours {
        zone: "UTC".to_owned(),
        days: vec![1],
        from: 0,
        until: 1440,
    });
    assert_eq!(
        next(&alert(), None, &receives, &when(0)),
        Next::Tell(Occasion::Raised)
    );
}

#[test]
fn who_lost_the_right_to_see_the_server_is_told_nothing() {
    let mut is = when(0);
    is.allowed = false;
    assert_eq!(
        next(&alert(), None, &all(), &is),
        Next::Hold(Held::NotAllowed)
    );
    let mut over = alert();
    over.over = true;
    let raised = sent(Occasion::Raised);
    assert_eq!(next(&over, Some(&raised), &all(), &is), Next::Nothing);
}

#[test]
fn a_message_that_failed_is_not_sent_again_unless_reminders_are_wanted() {
    let reason = "gone".to_owned();
    let failed = told(Occasion::Raised, Delivery::Failed { reason });
    assert_eq!(
        next(&alert(), Some(&failed), &all(), &when(99)),
        Next::Nothing
    );
    let mut receives = all();
    receives.repeat_ms = 60_000;
    assert_eq!(
        next(&alert(), Some(&failed), &receives, &when(60)),
        Next::Tell(Occasion::Raised)
    );
}
