//! The program as a shell or a script uses it: what it prints, what it changes, its exit status.

mod boards;
mod create;
mod documents;
mod fields;
mod keeping;
mod listing;
mod sharing;
mod shell;
mod watch;
