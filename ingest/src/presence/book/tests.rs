use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn seen(base: &str, server: &str) -> Seen {
    Seen {
        base: base.into(),
        server: ServerId::parse(server).unwrap(),
        key: KeyId::parse("k1").unwrap(),
        transport: Transport::Nats,
        address: None,
        orders: false,
        since: None,
    }
}

#[test]
fn a_server_is_gone_when_its_last_session_is() {
    let mut book = Book::default();
    let h1 = ServerId::parse("h1").unwrap();
    assert!(book.open(seen("nats:N:1", "h1"), 1).is_some());
    assert!(book.open(seen("nats:N:2", "h1"), 1).is_some());
    assert!(book.open(seen("nats:N:2", "h1"), 1).is_none());
    assert!(book.open(seen("nats:N:3", "h2"), 1).is_some());
    assert_eq!(book.count(&h1), 2);
    let (session, remaining) = book.close("nats:N:1", 1, at(0)).unwrap();
    assert_eq!((session.id.as_str(), remaining), ("nats:N:1", 1));
    assert_eq!(book.close("nats:N:2", 1, at(0)).unwrap().1, 0);
    assert!(book.close("nats:N:2", 1, at(0)).is_none());
    assert_eq!(book.count(&h1), 0);
    assert_eq!(book.sessions().len(), 1);
}

#[test]
fn a_connect_that_arrives_behind_its_end_changes_nothing() {
    let mut book = Book::default();
    book.open(seen("nats:N:1", "h1"), 1);
    book.close("nats:N:1", 1, at(0));
    assert!(book.open(seen("nats:N:1", "h1"), 1).is_none());
    assert!(book.knows("nats:N:1") && !book.is_open("nats:N:1"));
}

#[test]
fn a_session_presumed_gone_goes_on_as_another() {
    let mut book = Book::default();
    book.open(seen("nats:N:1", "h1"), 1);
    book.close("nats:N:1", 1, at(100));
    // A question asked at about the same time proves nothing.
    assert!(book.revive("nats:N:1", at(101)).is_none());
    let session = book.revive("nats:N:1", at(102)).unwrap();
    assert_eq!(session.id, "nats:N:1~2");
    assert_eq!(split(&session.id), ("nats:N:1", 2));
    // The late fact about the first generation does not end the second.
    assert!(book.close("nats:N:1", 1, at(103)).is_none());
    assert_eq!(
        book.close("nats:N:1", u32::MAX, at(103)).unwrap().0.id,
        "nats:N:1~2"
    );
}

#[test]
fn the_closed_are_forgotten_in_the_end() {
    let mut book = Book::default();
    for (number, second) in [(1, 0), (2, 901), (3, 1802)] {
        let base = nats_base("N", number);
        book.open(seen(&base, "h1"), 1);
        book.close(&base, 1, at(second));
    }
    assert!(!book.knows("nats:N:1"));
    assert!(book.knows("nats:N:3"));
}

#[test]
fn bases_say_who_holds_them() {
    assert_eq!(
        holder(&nats_base("NABC", 7)),
        Some((Transport::Nats, "NABC", 7))
    );
    assert_eq!(
        holder(&websocket_base("0190-ab", 9)),
        Some((Transport::Websocket, "0190-ab", 9))
    );
    for base in ["", "nats", "nats:N", "nats:N:x", "mqtt:N:1"] {
        assert_eq!(holder(base), None, "{base}");
    }
    assert_eq!(split("nats:N:1~x"), ("nats:N:1~x", 1));
}
