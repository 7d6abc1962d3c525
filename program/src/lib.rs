//! What every Pegel program needs, and nothing else: the program `pegel`, and the bridges, each of
//! which `pegel` starts in its place.
//!
//! - a program from its start to its end: [`program`], [`runtime`], [`shutdown`], [`status`], and
//!   [`failure`] with the exit status
//! - the command line: [`target`] for all programs, [`args`] for the bridges, [`time`] for
//!   durations
//! - values and records as text and as JSON: [`value`], [`mod@unit`], [`json`], [`lookup`],
//!   [`escape`]
//! - boards: [`follower`] for what is published, [`change`] for what is to be published,
//!   [`refusals`] for files that are not followed
//!
//! What only `pegel` prints for people is in `cli`, and what only one bridge needs is in the crate
//! of that bridge.

pub mod args;
pub mod change;
pub mod escape;
pub mod failure;
pub mod follower;
pub mod json;
pub mod lookup;
pub mod network;
pub mod program;
pub mod refusals;
pub mod runtime;
pub mod shutdown;
pub mod status;
pub mod target;
pub mod time;
pub mod unit;
pub mod value;
