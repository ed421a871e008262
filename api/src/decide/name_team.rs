//! Naming a team.

use super::text::Check;
use crate::problem::Problem;

/// The name, if it is one.
pub fn decide(name: &str) -> Result<String, Problem> {
    let mut check = Check::default();
    let name = check.text("name", name, 128);
    check.done(name)
}
