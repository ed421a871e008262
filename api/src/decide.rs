//! Commands in, events out. Pure: no clock, no chance, no I/O; fresh ids and what is stored are arguments.
//!
//! Each decision checks everything about the input at once, so that a form can show all its errors together.

pub mod change_profile;
pub mod change_server;
pub mod give_grant;
pub mod invite;
pub mod issue_key;
pub mod issue_token;
pub mod name_team;
pub mod plan;
pub mod register_server;
pub mod register_user;
pub mod rotate_key;
mod text;
