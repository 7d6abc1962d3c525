//! `pegel opcua`: boards by OPC UA. It is a separate program, because the library for OPC UA makes
//! a program five times as large, and its start half as long again.

mod access;
mod board_view;
mod boards;
mod config;
mod filter;
mod follow;
mod monitored;
mod nodes;
mod server;
mod units;
mod values;
mod write;

use std::panic::resume_unwind;
use std::process::ExitCode;
use std::thread;

use clap::Subcommand;
use pegel_program::args::opcua::Opcua;
use pegel_program::failure::{Failure, Result};
use pegel_program::target::Target;
use pegel_program::{program, runtime};

use self::config::Config;

/// An unpatched library does not have this constant. `patches/rustc` patches it, if cargo runs
/// inside the repository.
const _: () = opcua::server::PATCHED_FOR_PEGEL;
/// The library decodes by recursion; this is enough for every message that the filter lets pass.
const STACK: usize = 64 << 20;
/// The most threads for checks of passwords and for writes, which wait for the writer lock.
const BLOCKING_THREADS: usize = 32;

#[derive(Subcommand)]
enum Command {
    Opcua(Opcua),
}

fn main() -> ExitCode {
    program::main(|Command::Opcua(opcua), target| serve(opcua, target))
}

fn serve(opcua: Opcua, target: Target) -> Result<()> {
    let config = Config::new(opcua, &target)?;
    let serve = move || {
        runtime::run_with(BLOCKING_THREADS, async |shutdown| {
            server::serve(config, target, shutdown).await
        })
    };
    let thread = thread::Builder::new().stack_size(STACK).spawn(serve);
    let thread = thread.map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}
