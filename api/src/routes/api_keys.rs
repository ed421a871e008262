//! Keys by which agents prove which server they speak for.

pub mod create;
pub mod delete;
pub mod list;
pub mod revoke;
pub mod rotate;
pub mod whose;
