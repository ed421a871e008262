//! `chatops config show`: every setting, its value, its source and its environment variable; secrets only as set or not.

use super::{
    Settings,
    layers::{is_secret, variable},
};
use crate::{output, trouble::Trouble};

/// A table for people.
pub(crate) fn show(settings: &Settings) -> Result<String, Trouble> {
    let rows = settings.all()?.into_iter().map(|(path, value, source)| {
        let shown = match (value.is_empty(), is_secret(&path)) {
            (true, _) => "(not set)".to_owned(),
            (false, true) => "(set, hidden)".to_owned(),
            (false, false) => value,
        };
        let variable = variable(&path);
        vec![path, shown, source, variable]
    });
    Ok(output::table(
        &["setting", "value", "from", "variable"],
        rows,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden() {
        let flags = vec![("database.password".to_owned(), "very-secret".to_owned())];
        let settings = Settings::read(None, |_| None, &flags).unwrap();
        let shown = show(&settings).unwrap();
        assert!(!shown.contains("very-secret"), "{shown}");
        assert!(shown.contains("CHATOPS_DATABASE_PASSWORD"), "{shown}");
        let line = shown
            .lines()
            .find(|line| line.starts_with("database.max_connections "));
        let value = line.and_then(|line| line.split_whitespace().nth(1));
        assert_eq!(value, Some("12"), "numbers are shown: {shown}");
    }
}
