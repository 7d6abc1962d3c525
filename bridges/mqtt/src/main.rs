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

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;
use pegel_program::args::mqtt::Mqtt;
use pegel_program::failure::Result;
use pegel_program::target::Target;
use pegel_program::{program, runtime};
use tokio::time::{MissedTickBehavior, interval};

use self::site::Site;
use self::status::Board;

/// How often to look for new boards, and to tell how the bridge fares.
const GLANCE: Duration = Duration::from_secs(1);

#[derive(Subcommand)]
enum Command {
    Mqtt(Mqtt),
}

fn main() -> ExitCode {
    program::main(|Command::Mqtt(wanted), target| run(wanted, target))
}

fn run(wanted: Mqtt, target: Target) -> Result<()> {
    let board = target.board(&wanted.status)?;
    let site = Arc::new(Site::new(wanted, target)?);
    let mut status = Board::create(&board)?;
    runtime::run(async |mut shutdown| {
        let mut tick = interval(GLANCE);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut served = site.start();
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = shutdown.requested() => break,
            }
            site.start_new(&mut served);
            status.tell(&site.status)?;
        }
        // Nobody says goodbye to the broker, so that the last wills tell that the bridge is gone.
        Ok(())
    })
}
