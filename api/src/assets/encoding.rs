//! Which compressed form a browser takes.

use axum::http::{HeaderMap, header};

/// A compressed form that the app's build writes beside each file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    const BEST_FIRST: [Self; 2] = [Self::Brotli, Self::Gzip];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    pub(super) const fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }

    pub(super) fn is_suffix_of(path: &str) -> bool {
        Self::BEST_FIRST
            .iter()
            .any(|encoding| path.ends_with(encoding.suffix()))
    }
}

/// The forms that the request accepts, best first.
pub(super) fn accepted(headers: &HeaderMap) -> impl Iterator<Item = Encoding> {
    let wanted = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let wanted = wanted.to_ascii_lowercase();
    Encoding::BEST_FIRST
        .into_iter()
        .filter(move |encoding| takes(&wanted, encoding.name()))
}

fn takes(accept: &str, name: &str) -> bool {
    let mut any = false;
    for part in accept.split(',') {
        let mut words = part.split(';').map(str::trim);
        let coding = words.next().unwrap_or_default();
        let refused = words
            .any(|word| word.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0));
        if coding == name {
            return !refused;
        }
        any |= coding == "*" && !refused;
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_accepted_form_comes_first() {
        for (accept, expected) in [
            ("", vec![]),
            ("gzip, deflate, br", vec![Encoding::Brotli, Encoding::Gzip]),
            ("gzip;q=1.0, br;q=0", vec![Encoding::Gzip]),
            ("*", vec![Encoding::Brotli, Encoding::Gzip]),
            ("*;q=0", vec![]),
            ("identity, BR", vec![Encoding::Brotli]),
            ("brotli", vec![]),
        ] {
            let headers =
                HeaderMap::from_iter([(header::ACCEPT_ENCODING, accept.parse().unwrap())]);
            assert_eq!(accepted(&headers).collect::<Vec<_>>(), expected, "{accept}");
        }
    }
}
