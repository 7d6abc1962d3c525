//! The command lines of the bridges, and the files that they name. `pegel` shows them in its help,
//! `pegel doctor` reads the files, and the bridges use both.

pub mod mqtt;
pub mod opcua;
pub mod serve;
