//! Bytes from outside: refused with a reason, never a panic, never half read.

use chatops_schemas::{
    codec::{self, DecodeError, MAX_EVENT_BYTES},
    event::metric::{Cpu, Disk, Filesystem, MAX_ITEMS, Sample},
};
use proptest::prelude::*;

use crate::examples::{self, wrap};

fn decode(bytes: &[u8]) -> Result<Sample, DecodeError> {
    codec::decode::<Sample>(bytes).map(|event| event.data)
}

#[test]
fn every_truncation_is_refused() {
    for example in examples::all() {
        for end in 0..example.bytes.len() {
            assert!(
                codec::decode_any(&example.bytes[..end]).is_err(),
                "{} cut at {end}",
                example.kind
            );
        }
    }
}

#[test]
fn a_tail_is_refused() {
    let mut bytes = codec::encode(&wrap(examples::sample())).unwrap();
    bytes.push(0xc0);
    assert!(matches!(decode(&bytes), Err(DecodeError::Trailing(1))));
}

#[test]
fn too_large_is_refused_before_it_is_read() {
    assert!(matches!(
        decode(&vec![0x90; MAX_EVENT_BYTES + 1]),
        Err(DecodeError::TooLarge(_))
    ));
}

#[test]
fn json_and_acknowledgements_are_not_events() {
    for text in [
        r#"{"stream":"OPS_METRICS","seq":1}"#,
        "",
        "null",
        "{}",
        "+ACK",
    ] {
        assert!(decode(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn a_claimed_length_of_four_gib_allocates_nothing() {
    assert!(decode(&[0xdf, 0xff, 0xff, 0xff, 0xff, 0xa1, b'x']).is_err());
    assert!(decode(&[0xdd, 0xff, 0xff, 0xff, 0xff]).is_err());
}

#[test]
fn deep_nesting_is_refused() {
    assert!(decode(&vec![0x91; 50_000]).is_err());
}

#[test]
fn numbers_that_are_not_numbers_are_named() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let sample = Sample {
            cpu: Some(Cpu {
                iowait: Some(bad),
                ..Cpu::default()
            }),
            ..Sample::default()
        };
        let error = decode(&codec::encode(&wrap(sample)).unwrap()).unwrap_err();
        assert!(
            matches!(&error, DecodeError::Invalid(invalid) if invalid.field == "cpu"),
            "{error}"
        );
        let disk = Disk {
            name: "vda".into(),
            util: Some(bad),
            ..Disk::default()
        };
        let error = decode(
            &codec::encode(&wrap(Sample {
                disk: vec![disk],
                ..Sample::default()
            }))
            .unwrap(),
        )
        .unwrap_err();
        assert!(error.to_string().contains("disk vda"), "{error}");
    }
}

#[test]
fn lists_and_names_have_limits() {
    let many = vec![Filesystem::default(); MAX_ITEMS + 1];
    let error = decode(
        &codec::encode(&wrap(Sample {
            fs: many,
            ..Sample::default()
        }))
        .unwrap(),
    )
    .unwrap_err();
    assert!(error.to_string().contains("at most 512"), "{error}");
    for mount in ["x".repeat(257), "a\nb".to_owned(), "a\0b".to_owned()] {
        let fs = vec![Filesystem {
            mount,
            ..Filesystem::default()
        }];
        assert!(matches!(
            decode(
                &codec::encode(&wrap(Sample {
                    fs,
                    ..Sample::default()
                }))
                .unwrap()
            ),
            Err(DecodeError::Invalid(_))
        ));
    }
}

#[test]
fn ten_thousand_mounts_do_not_fit_an_event() {
    let fs = (0..10_000)
        .map(|n| Filesystem {
            mount: format!("/mnt/{n}"),
            ..Filesystem::default()
        })
        .collect();
    assert!(
        codec::encode(&wrap(Sample {
            fs,
            ..Sample::default()
        }))
        .is_err()
    );
}

proptest! {
    #[test]
    fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = codec::decode_any(&bytes);
    }

    #[test]
    fn a_flipped_byte_never_panics(at in any::<proptest::sample::Index>(), to in any::<u8>()) {
        let mut bytes = codec::encode(&wrap(examples::sample())).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = to;
        let _ = codec::decode_any(&bytes);
    }
}
