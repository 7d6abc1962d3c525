//! `pegel opcua`: boards by OPC UA. A program of its own, because the library for OPC UA makes a program five times as
//! large, and its start half as long again.

mod access;
mod board_view;
mod boards;
mod config;
mod follow;
mod nodes;
mod server;
mod units;
mod values;
mod write;

use std::process::ExitCode;

use clap::Subcommand;
use pegel_program::args::opcua::Opcua;
use pegel_program::failure::Result;
use pegel_program::target::Target;
use pegel_program::{program, runtime};

use self::config::Config;

#[derive(Subcommand)]
enum Command {
    Opcua(Opcua),
}

fn main() -> ExitCode {
    program::main(|Command::Opcua(opcua), target| serve(opcua, target))
}

fn serve(opcua: Opcua, target: Target) -> Result<()> {
    let config = Config::new(opcua, &target)?;
    runtime::run(async |shutdown| server::serve(config, target, shutdown).await)
}
