//! Main memory and swap from `/proc/meminfo`.
//!
//! Not from sysinfo: it does not tell caches and buffers apart, and it reads the same file. `used` is
//! `total - available`, as `free` of procps 4 shows it: page cache is not use.

use chatops_schemas::event::metric::{Memory, Swap};

use super::{
    source::{Roots, Source},
    text::{lines, number, split_at_byte, words},
};

/// Parses `/proc/meminfo`. Swap is absent on a host that has none configured.
pub fn parse(text: &[u8]) -> (Option<Memory>, Option<Swap>) {
    let (mut total, mut free, mut available) = (None, None, None);
    let (mut buffers, mut cached, mut reclaimable) = (None, None, None);
    let (mut swap_total, mut swap_free) = (None, None);
    for line in lines(text) {
        let Some((label, rest)) = split_at_byte(line, b':') else {
            continue;
        };
        let field = match label {
            b"MemTotal" => &mut total,
            b"MemFree" => &mut free,
            b"MemAvailable" => &mut available,
            b"Buffers" => &mut buffers,
            b"Cached" => &mut cached,
            b"SReclaimable" => &mut reclaimable,
            b"SwapTotal" => &mut swap_total,
            b"SwapFree" => &mut swap_free,
            _ => continue,
        };
        *field = words(rest)
            .next()
            .and_then(number)
            .and_then(|kib| kib.checked_mul(1024));
    }
    let cached = cached.map(|pages: u64| pages.saturating_add(reclaimable.unwrap_or(0)));
    // Kernels before 3.14 do not estimate what is available; free and caches come closest.
    let available = available
        .or_else(|| {
            Some(
                free?
                    .saturating_add(buffers.unwrap_or(0))
                    .saturating_add(cached.unwrap_or(0)),
            )
        })
        .map(|bytes| total.map_or(bytes, |total| bytes.min(total)));
    let memory = total.map(|total| Memory {
        total: Some(total),
        used: available.map(|available| total.saturating_sub(available)),
        available,
        cached,
        buffers,
    });
    let swap = swap_total.filter(|total| *total > 0).map(|total| Swap {
        total: Some(total),
        used: swap_free.map(|free: u64| total.saturating_sub(free)),
    });
    (memory, swap)
}

/// Reads memory.
#[derive(Debug)]
pub struct Reader {
    source: Source,
}

impl Reader {
    /// Reads below `roots.proc`.
    pub fn new(roots: &Roots) -> Self {
        Self {
            source: Source::new(roots.proc.join("meminfo")),
        }
    }

    /// Reads; both absent when the kernel does not tell.
    pub fn read(&mut self, buffer: &mut Vec<u8>) -> (Option<Memory>, Option<Swap>) {
        self.source.read(buffer).map(parse).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn used_does_not_count_caches() {
        let (memory, swap) = parse(
            b"MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    700 kB\nBuffers:          50 kB\n\
              Cached:          500 kB\nSwapCached:        9 kB\nSReclaimable:     30 kB\nSwapTotal:       200 kB\n\
              SwapFree:        150 kB\n",
        );
        let kib = |n: u64| Some(n * 1024);
        let expected = Memory {
            total: kib(1000),
            used: kib(300),
            available: kib(700),
            cached: kib(530),
            buffers: kib(50),
        };
        assert_eq!(memory, Some(expected));
        assert_eq!(
            swap,
            Some(Swap {
                total: kib(200),
                used: kib(50)
            })
        );
    }

    #[test]
    fn an_old_kernel_gets_an_estimate() {
        let (memory, swap) =
            parse(b"MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 200 kB\n");
        assert_eq!(memory.unwrap().available, Some(350 * 1024));
        assert_eq!(swap, None);
    }

    #[test]
    fn no_swap_is_absent_not_zero() {
        assert_eq!(parse(b"SwapTotal: 0 kB\nSwapFree: 0 kB\n").1, None);
    }

    #[test]
    fn impossible_numbers_are_absent() {
        let (memory, _) =
            parse(b"MemTotal: 100 kB\nMemAvailable: 18446744073709551615 kB\nCached: -5 kB\n");
        let memory = memory.unwrap();
        assert_eq!((memory.available, memory.cached), (None, None));
        assert_eq!(
            parse(b"MemTotal: 100 kB\nMemAvailable: 900 kB\n")
                .0
                .unwrap()
                .used,
            Some(0)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_parse_without_panic(text in proptest::collection::vec(any::<u8>(), 0..2000)) {
            parse(&text);
        }
    }
}
