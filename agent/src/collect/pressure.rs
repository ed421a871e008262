//! Pressure stall information from `/proc/pressure`. sysinfo has none.
//!
//! Kernels before 4.20, and those started without `psi=1` where that is needed, lack the files or refuse to read
//! them; the fields are then absent.

use chatops_schemas::event::metric::Pressure;

use super::{
    source::{Roots, Source},
    text::{fraction, lines, words},
};

/// Parses one file of `/proc/pressure`: the share of the last 10 seconds in which some task waited, in percent.
pub fn parse(text: &[u8]) -> Option<f32> {
    let mut some = words(lines(text).next()?);
    if some.next()? != b"some" {
        return None;
    }
    some.find_map(|word| word.strip_prefix(b"avg10="))
        .and_then(fraction)
        .filter(|share| (0.0..=100.0).contains(share))
}

/// Reads pressure.
#[derive(Debug)]
pub struct Reader {
    cpu: Source,
    memory: Source,
    io: Source,
    supported: bool,
}

impl Reader {
    /// Reads below `roots.proc`.
    pub fn new(roots: &Roots) -> Self {
        let folder = roots.proc.join("pressure");
        Self {
            supported: folder.is_dir(),
            cpu: Source::new(folder.join("cpu")),
            memory: Source::new(folder.join("memory")),
            io: Source::new(folder.join("io")),
        }
    }

    /// Reads; `None` when the kernel does not keep it.
    pub fn read(&mut self, buffer: &mut Vec<u8>) -> Option<Pressure> {
        if !self.supported {
            return None;
        }
        let mut one = |source: &mut Source| parse(source.read(buffer).ok()?);
        let pressure = Pressure {
            cpu: one(&mut self.cpu),
            mem: one(&mut self.memory),
            io: one(&mut self.io),
        };
        (pressure != Pressure::default()).then_some(pressure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_line_counts() {
        let text = b"some avg10=1.25 avg60=0.71 avg300=1.02 total=42825756\nfull avg10=9.00 avg60=0 avg300=0 total=0\n";
        assert_eq!(parse(text), Some(1.25));
        assert_eq!(parse(b"full avg10=9.00\n"), None);
        assert_eq!(parse(b"some avg10=900.0\n"), None);
        assert_eq!(parse(b""), None);
    }

    #[test]
    fn a_host_without_it_has_none() {
        let roots = Roots {
            proc: "/nowhere".into(),
            ..Roots::default()
        };
        assert_eq!(Reader::new(&roots).read(&mut Vec::new()), None);
    }

    proptest! {
        #[test]
        fn any_bytes_parse_without_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            parse(&text);
        }
    }
}
