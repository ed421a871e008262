//! When is a measured value worth a person's attention?
//!
//! This crate holds the pure core: values and rules in, decisions out, no clock and no I/O, so that live evaluation and a
//! trial on stored history cannot disagree. What exists is [`threshold`]: the comparison of one value with one limit,
//! and the separate limit at which an alert is over.

#![warn(missing_docs)]

pub mod threshold;
