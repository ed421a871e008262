//! `level=info msg="…" path=/a`: logfmt.

use serde_json::{Map, Value};

/// The pairs, when the whole text is made of them and some look like a log's; `None` otherwise.
pub(super) fn logfmt(text: &str) -> Option<Map<String, Value>> {
    if !text.contains("level=") && !text.contains("msg=") && !text.contains("lvl=") {
        return None;
    }
    let mut fields = Map::new();
    let mut rest = text;
    while !rest.is_empty() {
        let equals = rest.find('=')?;
        let name = &rest[..equals];
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '"') {
            return None;
        }
        let (value, after) = value(&rest[equals + 1..])?;
        fields.insert(name.to_owned(), Value::String(value));
        rest = after.trim_start();
    }
    (fields.len() > 1).then_some(fields)
}

/// A value and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    // The quote never ends: this was something else.
    None
}
