//! The evaluator against a naive one, and against scenarios that people can read.

mod naive;
mod reference;
mod scenarios;
