//! How bad a line is.

use chatops_schemas::event::log::LogLevel;

/// A level stands within the first so many bytes of a text.
const LOOK: usize = 120;

/// A word that a program uses for a level.
pub fn of_word(word: &str) -> LogLevel {
    match word.trim().to_ascii_lowercase().as_str() {
        "trace" | "finest" | "finer" => LogLevel::Trace,
        "debug" | "debg" | "dbg" | "fine" | "verbose" => LogLevel::Debug,
        "info" | "information" | "informational" | "notice" | "inf" => LogLevel::Info,
        "warn" | "warning" | "wrn" => LogLevel::Warn,
        "error" | "err" | "severe" | "eror" => LogLevel::Error,
        "fatal" | "panic" | "critical" | "crit" | "alert" | "emerg" | "emergency" => {
            LogLevel::Fatal
        }
        _ => LogLevel::Unknown,
    }
}

/// A priority of syslog.
pub const fn of_number(priority: i64) -> LogLevel {
    match priority {
        0..=2 => LogLevel::Fatal,
        3 => LogLevel::Error,
        4 => LogLevel::Warn,
        5 | 6 => LogLevel::Info,
        7 => LogLevel::Debug,
        _ => LogLevel::Unknown,
    }
}

/// Numbers as pino and bunyan use them.
pub(super) const fn of_pino(number: i64) -> LogLevel {
    match number {
        0..=7 => of_number(number),
        10..=19 => LogLevel::Trace,
        20..=29 => LogLevel::Debug,
        30..=39 => LogLevel::Info,
        40..=49 => LogLevel::Warn,
        50..=59 => LogLevel::Error,
        60..=69 => LogLevel::Fatal,
        _ => LogLevel::Unknown,
    }
}

/// The level of a text: a word in capitals near its beginning, or one in brackets or before a colon. The word "error" in a
/// sentence is no level.
pub(super) fn in_text(text: &str) -> LogLevel {
    if let Some(level) = klog(text) {
        return level;
    }
    let head = super::beginning(text, LOOK);
    let bytes = head.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_alphabetic() {
            at += 1;
            continue;
        }
        let begin = at;
        while at < bytes.len() && bytes[at].is_ascii_alphabetic() {
            at += 1;
        }
        let word = &head[begin..at];
        if !(3..=13).contains(&word.len()) {
            continue;
        }
        let capitals = word.bytes().all(|byte| byte.is_ascii_uppercase());
        let (before, after) = (
            begin.checked_sub(1).map(|before| bytes[before]),
            bytes.get(at),
        );
        let marked = matches!(before, Some(b'[' | b'<' | b'('))
            || (after == Some(&b':') && matches!(before, None | Some(b' ')));
        if capitals || marked {
            let level = of_word(word);
            if level != LogLevel::Unknown {
                return level;
            }
        }
    }
    LogLevel::Unknown
}

/// `E1123 10:15:00.123456 …`
fn klog(text: &str) -> Option<LogLevel> {
    let bytes = text.as_bytes();
    let rest = bytes.get(1..6)?;
    if !rest[..4].iter().all(u8::is_ascii_digit) || rest[4] != b' ' {
        return None;
    }
    match bytes[0] {
        b'I' => Some(LogLevel::Info),
        b'W' => Some(LogLevel::Warn),
        b'E' => Some(LogLevel::Error),
        b'F' => Some(LogLevel::Fatal),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_where_programs_put_it() {
        for (text, level) in [
            ("2026-11-22 10:15:00 ERROR disk full", LogLevel::Error),
            (
                "2026/11/22 10:15:00 [error] 7#7: *1 open() failed",
                LogLevel::Error,
            ),
            ("[WARN ] slow", LogLevel::Warn),
            ("warning: unused", LogLevel::Warn),
            ("<info> started", LogLevel::Info),
            ("E1123 10:15:00.123456 1 main.go:1] x", LogLevel::Error),
            ("no error was found", LogLevel::Unknown),
            ("INFORMATIONS", LogLevel::Unknown),
            ("GET /error HTTP/1.1 200", LogLevel::Unknown),
            ("", LogLevel::Unknown),
            ("äöü ERROR", LogLevel::Error),
        ] {
            assert_eq!(in_text(text), level, "{text}");
        }
    }
}
