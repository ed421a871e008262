//! What is encoded decodes to the same.

use chatops_schemas::{
    clock::Timestamp,
    codec,
    event::metric::{Cpu, Filesystem, Interface, Memory, Sample},
};
use proptest::prelude::*;

use crate::examples::{self, wrap};

#[test]
fn every_example_survives() {
    for example in examples::all() {
        assert_eq!(
            codec::decode_any(&example.bytes).unwrap().data,
            example.payload,
            "{}",
            example.kind
        );
    }
}

fn gauge() -> impl Strategy<Value = Option<f32>> {
    proptest::option::of(-1.0e12_f32..1.0e12)
}

fn name() -> impl Strategy<Value = String> {
    "[^\\p{Cc}]{0,64}"
}

prop_compose! {
    fn a_sample()(
        total in gauge(),
        cores in proptest::collection::vec(gauge(), 0..16),
        used in proptest::option::of(any::<u64>()),
        mounts in proptest::collection::vec((name(), proptest::option::of(any::<u64>())), 0..8),
        nets in proptest::collection::vec((name(), gauge()), 0..8),
        units in proptest::collection::vec(name(), 0..4),
    ) -> Sample {
        Sample {
            cpu: Some(Cpu { total, cores, ..Cpu::default() }),
            mem: Some(Memory { used, ..Memory::default() }),
            fs: mounts.into_iter().map(|(mount, used)| Filesystem { mount, used, ..Filesystem::default() }).collect(),
            net: nets.into_iter().map(|(name, rx)| Interface { name, rx, ..Interface::default() }).collect(),
            failed_units: units,
            ..Sample::default()
        }
    }
}

proptest! {
    #[test]
    fn any_sample_survives_messagepack_and_json(sample in a_sample(), micros in 0_i64..4_000_000_000_000_000) {
        let mut event = wrap(sample.clone());
        event.time = Timestamp::from_micros(micros);
        let back = codec::decode::<Sample>(&codec::encode(&event).unwrap()).unwrap();
        prop_assert_eq!(&back, &event);
        let json = serde_json::to_string(&event).unwrap();
        let back: chatops_schemas::envelope::Envelope<Sample> = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(back.data, sample);
        prop_assert_eq!(back.time, event.time);
    }
}
