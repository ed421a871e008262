//! How an engine sends the output of a container: a header of eight bytes (which stream, how many bytes) before each
//! piece, or, when the container has a terminal, the bytes as they are.

use bytes::{Buf as _, Bytes};
use chatops_schemas::session::Stream;

/// Takes the headers out, however the bytes are cut. Keeps nothing but an unfinished header.
#[derive(Debug)]
pub(crate) struct Pieces {
    /// The container has a terminal: there are no headers.
    terminal: bool,
    header: [u8; 8],
    filled: usize,
    left: usize,
    stream: Option<Stream>,
}

/// Bytes that are no output of a container.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine sends a log in a form that is not known")]
pub(crate) struct Nonsense;

impl Pieces {
    pub(crate) fn new(terminal: bool) -> Self {
        Self {
            terminal,
            header: [0; 8],
            filled: 0,
            left: 0,
            stream: None,
        }
    }

    /// Whether what has come so far ends where a piece ends.
    pub(crate) fn complete(&self) -> bool {
        self.filled == 0 && self.left == 0
    }

    /// The next piece of what has come, without copying it; `None` when all of it is used up.
    pub(crate) fn next(
        &mut self,
        chunk: &mut Bytes,
    ) -> Result<Option<(Option<Stream>, Bytes)>, Nonsense> {
        if self.terminal {
            let all = std::mem::take(chunk);
            return Ok((!all.is_empty()).then_some((None, all)));
        }
        while self.left == 0 {
            if chunk.is_empty() {
                return Ok(None);
            }
            let take = chunk.len().min(self.header.len() - self.filled);
            chunk.copy_to_slice(&mut self.header[self.filled..self.filled + take]);
            self.filled += take;
            if self.filled < self.header.len() {
                return Ok(None);
            }
            self.filled = 0;
            let [kind, 0, 0, 0, length @ ..] = self.header else {
                return Err(Nonsense);
            };
            self.stream = match kind {
                0 | 1 => Some(Stream::Stdout),
                2 => Some(Stream::Stderr),
                _ => return Err(Nonsense),
            };
            self.left = usize::try_from(u32::from_be_bytes(length)).map_err(|_| Nonsense)?;
        }
        if chunk.is_empty() {
            return Ok(None);
        }
        let piece = chunk.split_to(self.left.min(chunk.len()));
        self.left -= piece.len();
        Ok(Some((self.stream, piece)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(pieces: &[(bool, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (stderr, data) in pieces {
            bytes.extend([if *stderr { 2 } else { 1 }, 0, 0, 0]);
            bytes.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
            bytes.extend(data);
        }
        bytes
    }

    fn read(bytes: &[u8], cut: usize) -> (Vec<u8>, Vec<u8>) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut pieces = Pieces::new(false);
        for chunk in bytes.chunks(cut) {
            let mut chunk = Bytes::copy_from_slice(chunk);
            while let Some((stream, data)) = pieces.next(&mut chunk).unwrap() {
                match stream {
                    Some(Stream::Stderr) => err.extend(data),
                    _ => out.extend(data),
                }
            }
            assert!(chunk.is_empty());
        }
        (out, err)
    }

    proptest! {
        #[test]
        fn streams_are_told_apart_however_the_bytes_are_cut(
            pieces in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)), 0..20),
            cut in 1_usize..50,
        ) {
            let (out, err) = read(&framed(&pieces), cut);
            let of = |wanted: bool| pieces.iter().filter(move |(stderr, _)| *stderr == wanted).flat_map(|(_, data)| data.clone());
            prop_assert_eq!(out, of(false).collect::<Vec<_>>());
            prop_assert_eq!(err, of(true).collect::<Vec<_>>());
        }

        #[test]
        fn noise_is_refused_and_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut pieces = Pieces::new(false);
            let mut chunk = Bytes::from(bytes);
            while let Ok(Some(_)) = pieces.next(&mut chunk) {}
        }
    }

    #[test]
    fn a_terminal_has_no_headers() {
        let mut chunk = Bytes::from_static(b"\x01 no line end");
        let mut pieces = Pieces::new(true);
        assert_eq!(
            pieces.next(&mut chunk),
            Ok(Some((None, Bytes::from_static(b"\x01 no line end"))))
        );
        assert_eq!(pieces.next(&mut chunk), Ok(None));
    }
}
