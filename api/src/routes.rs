//! The endpoints, one file each: what it takes, what it answers, and the handler. `crate::router` puts them together.

pub mod alerts;
pub mod api_keys;
pub mod audit;
pub mod auth;
pub mod channels;
pub mod chat;
pub mod commands;
pub mod docker;
pub mod enroll;
pub mod grants;
pub mod install;
pub mod invitations;
pub mod jobs;
pub mod live;
pub mod logs;
pub mod metrics;
pub mod ops;
pub mod schedules;
pub mod scripts;
pub mod servers;
pub mod settings;
pub mod teams;
pub mod terminals;
pub mod users;
