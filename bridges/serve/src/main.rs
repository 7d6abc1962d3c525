//! `pegel serve`, in a program and a crate of its own: what it needs would let `pegel` start later, which starts this one
//! in its place. Boards by HTTP: to read and to write, as they change, for Prometheus, and on a page.

mod boards;
mod condition;
mod events;
mod follow;
mod guard;
mod listen;
mod metrics;
mod page;
mod problem;
mod read;
mod room;
mod routes;
mod stalled;
mod token;
mod units;
mod write;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use pegel_program::args::serve::Serve;
use pegel_program::args::serve::address::Address;
use pegel_program::failure::{Failure, Result};
use pegel_program::status::{Number, Status};
use pegel_program::target::Target;
use pegel_program::{program, runtime};
use tokio::sync::{Semaphore, watch};

use self::boards::Boards;
use self::follow::Hub;
use self::guard::Guard;
use self::listen::{End, Listener};
use self::room::Room;
use self::routes::Server;

/// The numbers of the status board.
const NUMBERS: [Number; 2] = [
    ("accepted", "Requests to write that were published"),
    ("rejected", "Requests to write that were rejected"),
];

#[derive(Subcommand)]
enum Command {
    Serve(Serve),
}

fn main() -> ExitCode {
    program::main(|Command::Serve(wanted), target| run(&wanted, target))
}

fn run(wanted: &Serve, target: Target) -> Result<()> {
    let guard = guard(wanted)?;
    let status = target.board(&wanted.status)?;
    let boards = Arc::new(Boards::new(target, &wanted.board, &wanted.write)?);
    let (sender, receiver) = watch::channel(false);
    let end = End::new(receiver);
    let server = Arc::new(Server {
        hub: Hub::new(Arc::clone(&boards)),
        boards,
        guard,
        writing: write::Terms {
            longest: wanted.max_body as usize,
            patience: wanted.timeout,
            turns: Arc::new(Semaphore::new(write::TURNS)),
        },
        status: Status::create_or_log(&status, "Boards by HTTP", &NUMBERS),
        room: Room::new(),
        end: end.clone(),
    });
    runtime::run_with(routes::THREADS, async |mut shutdown| {
        let listener = Listener::open(&wanted.listen)?;
        listen::announce(&listener)?;
        tokio::spawn(async move {
            shutdown.requested().await;
            sender.send_replace(true);
        });
        tokio::select! {
            () = listener.serve(routes::router(Arc::clone(&server)), end) => {}
            () = server.status.run() => {}
        }
        server.status.report();
        Ok(())
    })
}

fn guard(wanted: &Serve) -> Result<Guard> {
    let token = wanted.token_file.as_deref().map(token::read);
    let token = token.transpose().map_err(Failure::Failed)?;
    let usage = |message: &str| Err(Failure::Usage(message.to_owned()));
    let (is_unix, is_beyond) = match &wanted.listen {
        Address::Internet(address) => (false, !address.ip().to_canonical().is_loopback()),
        Address::Unix(_) => (true, false),
    };
    if is_beyond && token.is_none() && !wanted.public {
        return usage(
            "others than this machine reach that address: --token-file FILE asks them for a token, \
             --public lets everybody read",
        );
    }
    if !wanted.write.is_empty() && token.is_none() && !is_unix {
        return usage(
            "--write needs --token-file FILE, as every program and page reaches the address; \
             or --listen unix:PATH, whose permissions say who may write",
        );
    }
    Ok(Guard {
        hosts: wanted.host.clone(),
        is_private: is_beyond && !wanted.public,
        trusts_all: is_unix && token.is_none(),
        token,
    })
}
