//! `pegel mqtt`, in a program and a crate of its own: what it needs would let `pegel` start later, which starts this one
//! in its place. Boards by MQTT: published for all who subscribe, written by commands, and mirrored on other machines.
//!
//! Each board has connections of its own, so that its last will is its own, and none waits for another. A connection
//! that is lost takes all with it that was under way: the next one begins with what is newest then.

mod board;
mod command;
mod connection;
mod discovery;
mod message;
mod mirror;
mod publish;
mod site;
mod status;

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
#[path = "../../cli/src/mqtt/mod.rs"]
#[allow(dead_code)]
mod mqtt;
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
use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;
use tokio::time::{MissedTickBehavior, interval};

use self::ending::Ending;
use self::failure::{Failure, Result};
use self::mqtt::Mqtt;
use self::place::Place;
use self::site::Site;
use self::status::Board;

/// How often to look for new boards, and to tell how the bridge fares.
const GLANCE: Duration = Duration::from_secs(1);

#[derive(Subcommand)]
enum Command {
    Mqtt(Mqtt),
}

fn main() -> ExitCode {
    beside::main(|Command::Mqtt(wanted), place| run(wanted, place))
}

fn run(wanted: Mqtt, place: Place) -> Result<()> {
    let board = place.board(&wanted.status)?;
    let site = Arc::new(Site::new(wanted, place)?);
    let mut status = Board::create(&board)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    let done = runtime.block_on(async {
        let mut ending = Ending::new()?;
        let mut tick = interval(GLANCE);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut served = site.start();
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = ending.comes() => break,
            }
            site.start_new(&mut served);
            status.tell(&site.status)?;
        }
        // Nobody says goodbye to the broker, so that the last wills tell that the bridge is gone.
        Ok(())
    });
    // Its threads wait for boards, which they look up from only once a second.
    runtime.shutdown_background();
    done
}
