//! Paths and names with `*` and `?`.

use std::path::{Path, PathBuf};

/// Most files of one pattern.
const MAX_FOUND: usize = 1000;

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(String);

/// Whether a name fits; `*` stands for any number of characters, `?` for one.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    // Where to go on after the last star, when what follows it did not fit.
    let (mut p, mut n, mut again) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                again = Some((p, n));
                p += 1;
            }
            Some(&c) if c == b'?' || c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match again {
                Some((star, tried)) => {
                    p = star + 1;
                    n = tried + 1;
                    again = Some((star, tried + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

impl Glob {
    /// For files: an absolute path.
    pub fn path(path: &str) -> Option<Self> {
        let good = path.starts_with('/') && !path.ends_with('/') && !path.contains('\0');
        good.then(|| Self(path.to_owned()))
    }

    /// For names.
    pub fn name(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// Whether a name fits.
    pub fn fits(&self, name: &str) -> bool {
        fits(self.0.as_bytes(), name.as_bytes())
    }

    /// The files that fit, in order; symbolic links count as what they point to.
    pub fn find(&self) -> Vec<PathBuf> {
        let mut found = vec![PathBuf::from("/")];
        for part in self.0.split('/').filter(|part| !part.is_empty()) {
            found = found
                .iter()
                .flat_map(|folder| within(folder, part))
                .take(MAX_FOUND)
                .collect();
        }
        found.retain(|path| path.is_file());
        found.sort();
        found
    }
}

fn within(folder: &Path, part: &str) -> Vec<PathBuf> {
    if !part.contains(['*', '?']) {
        return vec![folder.join(part)];
    }
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.as_encoded_bytes();
            // As in a shell, a star does not stand for a hidden file.
            (part.starts_with('.') || !name.starts_with(b".")) && fits(part.as_bytes(), name)
        })
        .map(|entry| entry.path())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, name, expected) in [
            ("*.log", "a.log", true),
            ("*.log", "a.log.1", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("", "", true),
            ("*", "", true),
            ("web", "web2", false),
        ] {
            assert_eq!(Glob::name(pattern).fits(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn files_are_found_in_folders() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["a/x.log", "b/y.log", "b/.hidden.log", "b/z.txt"] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let root = folder.path().to_str().unwrap();
        let found = Glob::path(&format!("{root}/*/*.log")).unwrap().find();
        assert_eq!(
            found,
            [folder.path().join("a/x.log"), folder.path().join("b/y.log")]
        );
        assert_eq!(Glob::path("relative/*.log"), None);
    }
}
