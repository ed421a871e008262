//! Keyset pages: a page ends with the place where the next one begins, so that rows that come or go between two requests
//! are neither skipped nor repeated.

use serde::Serialize;

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page<T> {
    /// In order.
    pub items: Vec<T>,
    /// Hand it in as `after` to get what follows; `None`: this was the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// From up to `limit + 1` rows: the extra one only proves that there is more.
    pub(crate) fn cut(mut items: Vec<T>, limit: u32, cursor: impl FnOnce(&T) -> String) -> Self {
        let limit = limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }
}
