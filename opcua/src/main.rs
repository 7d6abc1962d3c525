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

// What both programs have. Of some, this one uses but a part.
#[path = "../../cli/src/beside.rs"]
#[allow(dead_code)]
mod beside;
#[path = "../../cli/src/ending.rs"]
mod ending;
#[path = "../../cli/src/failure.rs"]
#[allow(dead_code)]
mod failure;
#[path = "../../cli/src/json.rs"]
#[allow(dead_code)]
mod json;
#[path = "../../cli/src/opcua/mod.rs"]
#[allow(dead_code)]
mod opcua;
#[path = "../../cli/src/place.rs"]
#[allow(dead_code)]
mod place;
#[path = "../../cli/src/time.rs"]
#[allow(dead_code)]
mod time;
#[path = "../../cli/src/value.rs"]
#[allow(dead_code)]
mod value;

use std::process::ExitCode;

use clap::Subcommand;

use self::failure::{Failure, Result};
use self::opcua::Opcua;
use self::place::Place;
use self::plan::Plan;

#[derive(Subcommand)]
enum Command {
    Opcua(Opcua),
}

fn main() -> ExitCode {
    beside::main(|Command::Opcua(opcua), place| serve(opcua, place))
}

fn serve(opcua: Opcua, place: Place) -> Result<()> {
    let plan = Plan::new(opcua, &place)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    let done = runtime.block_on(server::serve(plan, place));
    // Its threads wait for boards, which they look up from only once a second.
    runtime.shutdown_background();
    done
}
