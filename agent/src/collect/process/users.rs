//! Names of users by number, from `/etc/passwd`. Called by [`super::Reader`] for the winners only, and by
//! [`operate::processes`](crate::operate::processes) for all.
//!
//! Directory services are not asked: a lookup there can take seconds. Their users appear by number.

use std::{collections::HashMap, fs, time::SystemTime};

use crate::collect::text::{lines, name, number};

const PASSWD: &str = "/etc/passwd";

/// The table, read anew when the file has changed.
#[derive(Debug, Default)]
pub(crate) struct Users {
    names: HashMap<u32, String>,
    read: Option<SystemTime>,
}

impl Users {
    /// Reads the file if it is not the one read last.
    pub(crate) fn refresh(&mut self) {
        let changed = fs::metadata(PASSWD).and_then(|file| file.modified()).ok();
        if changed != self.read {
            self.names = fs::read(PASSWD)
                .map(|text| parse(&text).collect())
                .unwrap_or_default();
            self.read = changed;
        }
    }

    /// A user's name, or the number as text.
    pub(crate) fn name(&self, number: u32) -> String {
        self.names
            .get(&number)
            .cloned()
            .unwrap_or_else(|| number.to_string())
    }
}

/// Parses `name:password:number:…`; the first line of a number wins, as in the C library.
fn parse(text: &[u8]) -> impl Iterator<Item = (u32, String)> {
    let mut entries: Vec<_> = lines(text)
        .filter_map(|line| {
            let mut fields = line.split(|byte| *byte == b':');
            let user = fields.next().filter(|user| !user.is_empty())?;
            let id = u32::try_from(number(fields.nth(1)?)?).ok()?;
            Some((id, name(user)))
        })
        .collect();
    entries.reverse();
    entries.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_name_of_a_number_wins() {
        let names: HashMap<_, _> =
            parse(b"root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:/\n:x:5::\nbad\nme:x:1000:1000")
                .collect();
        assert_eq!(
            names,
            HashMap::from([(0, "root".to_owned()), (1000, "me".to_owned())])
        );
    }

    #[test]
    fn strangers_are_numbers() {
        let mut users = Users::default();
        users.refresh();
        assert_eq!(users.name(0), "root");
        assert_eq!(users.name(4_123_456_789), "4123456789");
    }

    proptest! {
        #[test]
        fn any_bytes_parse_without_panic(text in proptest::collection::vec(any::<u8>(), 0..500)) {
            parse(&text).count();
        }
    }
}
