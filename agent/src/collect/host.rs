//! Uptime and boot id. sysinfo rounds the same files and opens them each time.

use super::{
    source::{Roots, Source},
    text::{name, split_at_byte},
};

/// Parses `/proc/uptime`: whole seconds since boot.
pub fn parse(text: &[u8]) -> Option<u64> {
    let (seconds, _) = split_at_byte(text, b'.')?;
    super::text::number(seconds)
}

/// The kernel's boot id, by which counters of two boots are told apart. Read once at start.
pub fn boot_id(roots: &Roots) -> Option<String> {
    let text = std::fs::read(roots.proc.join("sys/kernel/random/boot_id")).ok()?;
    Some(name(text.trim_ascii())).filter(|id| !id.is_empty())
}

/// Reads the uptime.
#[derive(Debug)]
pub struct Reader {
    source: Source,
}

impl Reader {
    /// Reads below `roots.proc`.
    pub fn new(roots: &Roots) -> Self {
        Self {
            source: Source::new(roots.proc.join("uptime")),
        }
    }

    /// Seconds since boot; `None` when the kernel does not tell.
    pub fn read(&mut self, buffer: &mut Vec<u8>) -> Option<u64> {
        parse(self.source.read(buffer).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn whole_seconds() {
        assert_eq!(parse(b"350735.47 234388.90\n"), Some(350_735));
        assert_eq!(parse(b"-5.0 1\n"), None);
        assert_eq!(parse(b""), None);
    }

    proptest! {
        #[test]
        fn any_bytes_parse_without_panic(text in proptest::collection::vec(any::<u8>(), 0..100)) {
            parse(&text);
        }
    }
}
