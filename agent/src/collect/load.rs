//! Load averages from `/proc/loadavg`.
//!
//! Not from sysinfo: that asks `getloadavg`, which in a system container reports the machine around it, while
//! `/proc/loadavg` is what the container's own tools show.

use chatops_schemas::event::metric::Load;

use super::{
    source::{Roots, Source},
    text::{fraction, words},
};

/// Parses `/proc/loadavg`.
pub fn parse(text: &[u8]) -> Option<Load> {
    let mut averages = words(text).map(fraction);
    let load = Load {
        one: averages.next()?,
        five: averages.next()?,
        fifteen: averages.next()?,
    };
    load.one.map(|_| load)
}

/// Reads load averages.
#[derive(Debug)]
pub struct Reader {
    source: Source,
}

impl Reader {
    /// Reads below `roots.proc`.
    pub fn new(roots: &Roots) -> Self {
        Self {
            source: Source::new(roots.proc.join("loadavg")),
        }
    }

    /// Reads; `None` when the kernel does not tell.
    pub fn read(&mut self, buffer: &mut Vec<u8>) -> Option<Load> {
        parse(self.source.read(buffer).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn three_averages() {
        let load = Load {
            one: Some(0.2),
            five: Some(1.18),
            fifteen: Some(12.12),
        };
        assert_eq!(parse(b"0.20 1.18 12.12 1/80 11206\n"), Some(load));
        assert_eq!(parse(b"NaN 0 0"), None);
        assert_eq!(parse(b"0.1 0.2"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_parse_without_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            parse(&text);
        }
    }
}
