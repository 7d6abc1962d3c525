//! What is drawn in a terminal.

pub mod screen;
pub mod table;
pub mod watch_table;
