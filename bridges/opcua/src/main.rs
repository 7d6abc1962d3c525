//! `pegel opcua`, in a program and a crate of its own: what the library for OPC UA brings along makes a program five times
//! as large, which then takes half as long again to start. `pegel` starts this one in its place.

mod access;
mod boards;
mod follow;
mod nodes;
mod plan;
mod served;
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

use self::plan::Plan;

#[derive(Subcommand)]
enum Command {
    Opcua(Opcua),
}

fn main() -> ExitCode {
    program::main(|Command::Opcua(opcua), target| serve(opcua, target))
}

fn serve(opcua: Opcua, target: Target) -> Result<()> {
    let plan = Plan::new(opcua, &target)?;
    runtime::run(async |shutdown| server::serve(plan, target, shutdown).await)
}
