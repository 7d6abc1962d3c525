//! `pegel mqtt`: boards by MQTT, published for all subscribers, changed by commands, and mirrored
//! on other machines. A program of its own, because its libraries would slow down the start of
//! `pegel`.
//!
//! Each board has connections of its own, so that it has a last will of its own and waits for no
//! other board. After a lost connection, the next one starts with the newest record.

mod command;
mod config;
mod connection;
mod discovery;
mod follower;
mod message;
mod mirror;
mod publish;
mod topics;

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;
use pegel_program::args::mqtt::Mqtt;
use pegel_program::failure::Result;
use pegel_program::refusals::Refusals;
use pegel_program::target::Target;
use pegel_program::{program, runtime};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use self::config::Config;

/// How often the bridge looks for new boards, and reports.
const INTERVAL: Duration = Duration::from_secs(1);

#[derive(Subcommand)]
enum Command {
    Mqtt(Mqtt),
}

fn main() -> ExitCode {
    program::main(|Command::Mqtt(wanted), target| run(wanted, target))
}

fn run(wanted: Mqtt, target: Target) -> Result<()> {
    runtime::run(async |mut shutdown| {
        let config = Arc::new(Config::new(wanted, target)?);
        let mut tick = interval(INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut published = start(&config);
        let mut refusals = Refusals::default();
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = shutdown.requested() => break,
            }
            start_discovered(&config, &mut published, &mut refusals);
            let (connections, connected) = config.status.subjects();
            config.status.set("connections", connections);
            config.status.set("connected", connected);
            config.status.publish()?;
        }
        // Without a disconnect, the broker publishes the last wills, which report that the bridge
        // is gone.
        Ok(())
    })
}

/// The boards that are published, by name.
type Published = HashMap<String, JoinHandle<()>>;

/// Starts what the command line names.
fn start(config: &Arc<Config>) -> Published {
    for plan in &config.mirrors {
        tokio::spawn(mirror::run(Arc::clone(config), plan.clone()));
    }
    let mut published = Published::new();
    for (name, plan) in &config.plans {
        let task = tokio::spawn(publish::run(Arc::clone(config), plan.clone()));
        published.insert(name.clone(), task);
        if plan.is_writable {
            tokio::spawn(command::run(Arc::clone(config), plan.clone()));
        }
    }
    published
}

/// Starts to publish new boards of the directory, if all are published.
fn start_discovered(config: &Arc<Config>, published: &mut Published, refusals: &mut Refusals) {
    // A task ends when its board is removed; the name may have another board by now.
    published.retain(|_, task| !task.is_finished());
    let found = config.discovered(refusals, |name| published.contains_key(name));
    for (name, plan) in found {
        published
            .entry(name)
            .or_insert_with(|| tokio::spawn(publish::run(Arc::clone(config), plan)));
    }
}
