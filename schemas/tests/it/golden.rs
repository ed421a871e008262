//! Committed bytes and schemas. `CHATOPS_BLESS=1` writes files that are missing; an existing golden file is never
//! rewritten, because bytes like it lie in streams.

use std::{fs, path::PathBuf};

use chatops_schemas::{catalogue, codec};

use crate::examples;

fn folder(name: &str, kind: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join(name)
        .join(kind)
}

fn bless() -> bool {
    std::env::var_os("CHATOPS_BLESS").is_some()
}

#[test]
fn every_type_has_an_example() {
    let examples: Vec<_> = examples::all().iter().map(|e| (e.kind, e.ver)).collect();
    assert_eq!(examples, catalogue::TYPES);
}

#[test]
fn golden_files_still_decode_to_what_they_meant() {
    for example in examples::all() {
        let path = folder("golden", example.kind).join(format!("{}.msgpack", example.ver));
        if bless() && !path.exists() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &example.bytes).unwrap();
        }
        let golden = fs::read(&path)
            .unwrap_or_else(|_| panic!("{} is missing: run with CHATOPS_BLESS=1", path.display()));
        let event = codec::decode_any(&golden)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(event.data, example.payload, "{}", path.display());
        assert_eq!(
            golden,
            example.bytes,
            "{} would be written differently today",
            path.display()
        );
    }
}

#[test]
fn json_schemas_are_current() {
    for (kind, ver, mut schema) in catalogue::schemas() {
        let path = folder("json", kind).join(format!("{ver}.json"));
        // Whether maps are sorted depends on what is compiled beside this crate.
        schema.sort_all_objects();
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if bless() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &text).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            committed,
            text,
            "{} is not current: run with CHATOPS_BLESS=1 and review the difference",
            path.display()
        );
    }
}
