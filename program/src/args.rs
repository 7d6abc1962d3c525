//! The command lines of the bridges, and the files that they name. `pegel` shows them in its help and `pegel doctor`
//! reads the files; the bridges do what they ask for.

pub mod mqtt;
pub mod opcua;
pub mod serve;
