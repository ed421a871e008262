//! `/docker/…`: the containers of a host. What changes something is a command: [`act`].

pub mod act;
pub mod containers;
pub mod events;
pub mod images;
pub mod inspect;
pub mod logs;
