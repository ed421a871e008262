//! What crosses the bus between server and host while it is operated: orders, answers, bytes of sessions.
#![no_main]

use chatops_schemas::{
    order::{Operation, Reply, SignedOrder},
    session::{Control, Out},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(signed) = SignedOrder::decode(bytes) {
        // What is read and can be written is then the same. Written with names it may be too long.
        if let Ok(again) = signed.encode() {
            assert_eq!(SignedOrder::decode(&again).as_ref(), Ok(&signed));
        }
        if let Ok(operation) = rmp_serde::from_slice::<Operation>(&signed.order) {
            let _ = operation.validate();
        }
    }
    if let Ok(operation) = rmp_serde::from_slice::<Operation>(bytes) {
        let _ = operation.validate();
    }
    if let Some(out) = Out::decode(bytes) {
        let again = out.encode().expect("it was read");
        assert_eq!(Out::decode(&again), Some(out));
    }
    if let Some(control) = Control::decode(bytes) {
        let again = control.encode().expect("it was read");
        assert_eq!(Control::decode(&again), Some(control));
    }
    let _ = rmp_serde::from_slice::<Reply>(bytes);
});
