//! What is never written: unfinished work, silenced lints, sleeping tests, addresses of the
//! places packages come from (every machine has its own mirror).

use std::{fs, path::Path};

use crate::{
    expect_none,
    files::{extension, generated, repository},
    root,
};

struct Ban {
    what: &'static str,
    instead: &'static str,
    applies: fn(&Path) -> bool,
}

fn rust(path: &Path) -> bool {
    extension(path) == "rs"
}

fn rust_test(path: &Path) -> bool {
    rust(path)
        && path
            .iter()
            .any(|part| part == "tests" || part == "tests.rs")
}

fn text(path: &Path) -> bool {
    // Lock files name the registry by design; generated and binary files are nobody's words.
    let lock = path
        .file_name()
        .is_some_and(|name| name == "Cargo.lock" || name == "package-lock.json");
    !lock && !generated(path)
}

fn script(path: &Path) -> bool {
    matches!(extension(path), "ts" | "tsx" | "mjs")
}

const BANS: &[Ban] = &[
    Ban {
        what: concat!("todo", "!("),
        instead: "finish it",
        applies: rust,
    },
    Ban {
        what: concat!("unimplemented", "!("),
        instead: "finish it",
        applies: rust,
    },
    Ban {
        what: concat!("#[allow", "("),
        instead: "use #[expect(lint, reason = \"…\")]",
        applies: rust,
    },
    Ban {
        what: concat!("#![allow", "("),
        instead: "use #![expect(lint, reason = \"…\")]",
        applies: rust,
    },
    Ban {
        what: concat!("time::sleep", "("),
        instead: "await a condition: chatops_testkit::eventually",
        applies: rust_test,
    },
    Ban {
        what: concat!("thread::sleep", "("),
        instead: "await a condition: chatops_testkit::eventually",
        applies: rust_test,
    },
    Ban {
        what: concat!(" for", " now"),
        instead: "say what is, or open an issue",
        applies: rust,
    },
    Ban {
        what: concat!("TO", "DO"),
        instead: "finish it or open an issue",
        applies: text,
    },
    Ban {
        what: concat!("FIX", "ME"),
        instead: "finish it or open an issue",
        applies: text,
    },
    Ban {
        what: concat!("waitFor", "Timeout("),
        instead: "await a locator or a response",
        applies: script,
    },
    Ban {
        what: concat!(".only", "("),
        instead: "let every test run",
        applies: script,
    },
    Ban {
        what: concat!("deb.", "debian.org"),
        instead: "take the mirror from the host",
        applies: text,
    },
    Ban {
        what: concat!("archive.", "ubuntu.com"),
        instead: "take the mirror from the host",
        applies: text,
    },
    Ban {
        what: concat!("pypi", ".org"),
        instead: "take the index from pip's configuration",
        applies: text,
    },
    Ban {
        what: concat!("python", "hosted.org"),
        instead: "take the index from pip's configuration",
        applies: text,
    },
    Ban {
        what: concat!("registry.", "npmjs"),
        instead: "take the registry from npm's configuration",
        applies: text,
    },
];

#[test]
fn nothing_banned_is_written() {
    let mut offenders = Vec::new();
    for path in repository() {
        // Not text: nothing to read.
        let Ok(content) = fs::read_to_string(root().join(&path)) else {
            continue;
        };
        for ban in BANS.iter().filter(|ban| (ban.applies)(&path)) {
            for (number, _) in content
                .lines()
                .enumerate()
                .filter(|(_, line)| line.contains(ban.what))
            {
                offenders.push(format!(
                    "{}:{}: `{}`: {}",
                    path.display(),
                    number + 1,
                    ban.what.trim(),
                    ban.instead
                ));
            }
        }
    }
    expect_none("not in this repository:", &offenders);
}

#[test]
fn package_locks_name_no_registry() {
    let mut offenders = Vec::new();
    for path in repository() {
        if path
            .file_name()
            .is_some_and(|name| name == "package-lock.json")
        {
            let content = fs::read_to_string(root().join(&path)).unwrap();
            if content.contains("\"resolved\": \"http") {
                offenders.push(path.display().to_string());
            }
        }
    }
    expect_none(
        "write lock files with npm's omit-lockfile-registry-resolved=true:",
        &offenders,
    );
}
