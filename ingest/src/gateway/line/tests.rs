use uuid::Uuid;

use super::*;

fn session(n: u128) -> CommandId {
    CommandId(Uuid::from_u128(n))
}

fn said(session: CommandId, way: Way, bytes: usize) -> Message {
    let server = ServerId::parse("h1").expect("id");
    Message {
        subject: subject::io(&server, session, way),
        reply: None,
        headers: Vec::new(),
        payload: vec![b'x'; bytes].into(),
    }
}

#[test]
fn an_answer_finds_who_asked_once_and_in_time() {
    let mut asked = Asked::default();
    let now = Instant::now();
    let first = asked.put("inbox.1".into(), now).expect("room");
    let second = asked.put("inbox.2".into(), now).expect("room");
    assert_eq!(asked.take(first, now).as_deref(), Some("inbox.1"));
    assert_eq!(asked.take(first, now), None, "once");
    assert_eq!(asked.take(second + 1, now), None, "never asked");
    assert_eq!(asked.take(second, now + ANSWER_WITHIN), None, "too late");
}

#[test]
fn requests_beyond_the_limit_are_refused_until_time_has_passed() {
    let mut asked = Asked::default();
    let now = Instant::now();
    for n in 0..AT_ONCE {
        asked.put(n.to_string(), now).expect("room");
    }
    assert_eq!(asked.put("more".into(), now), Err("more".into()));
    assert!(asked.put("more".into(), now + ANSWER_WITHIN).is_ok());
    assert_eq!(asked.open.len(), 1);
}

#[test]
fn an_agent_speaks_in_so_many_sessions_and_people_go_first() {
    let mut sessions = Sessions::default();
    let now = Instant::now();
    for n in 0..SESSIONS as u128 {
        assert!(sessions.speaks(session(n), now));
    }
    assert!(!sessions.speaks(session(1000), now));
    assert!(sessions.speaks(session(0), now), "an open one goes on");
    sessions.spoken_to(session(1001), now + Duration::from_secs(1));
    assert!(sessions.speaks(session(1001), now + Duration::from_secs(1)));
    assert_eq!(sessions.open.len(), SESSIONS);
    assert!(sessions.speaks(session(1002), now + QUIET));
}

#[tokio::test]
async fn what_nobody_takes_ends_the_session_that_floods_and_then_the_line() {
    let (to, mut waiting) = mpsc::channel(HELD_MESSAGES);
    let held = Arc::new(AtomicUsize::new(0));
    let piece = 16 * 1024;
    let fits = HELD_INPUT / piece;
    // More than fits is typed in one session; the other still gets its controls.
    let flood = (0..fits + 10).map(|_| said(session(1), Way::In, piece));
    let heard = flood.chain([said(session(2), Way::Ctl, 10)]);
    pump(futures::stream::iter(heard), to, Arc::clone(&held)).await;
    let mut ways = Vec::new();
    while let Some(Down::Session { session, way, .. }) = waiting.recv().await {
        ways.push((session, way));
    }
    assert_eq!(ways.len(), fits + 2);
    assert_eq!(ways[fits], (session(1), Way::Ctl), "closed in its place");
    assert_eq!(ways[fits + 1], (session(2), Way::Ctl));

    // Controls without end, which nobody takes: the pump ends, and with it what waits.
    let (to, mut waiting) = mpsc::channel(HELD_MESSAGES);
    let held = Arc::new(AtomicUsize::new(0));
    let endless = futures::stream::repeat_with(|| said(session(1), Way::Ctl, piece));
    pump(Box::pin(endless), to, Arc::clone(&held)).await;
    assert!(held.load(Ordering::Relaxed) <= HELD);
    let mut count = 0;
    while waiting.recv().await.is_some() {
        count += 1;
    }
    assert_eq!(count, HELD / piece);
}
