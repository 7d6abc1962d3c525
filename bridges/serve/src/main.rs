//! `pegel serve`: boards by HTTP, to read and to write, as events, for Prometheus, and on a page. A
//! program of its own, because its libraries would slow down the start of `pegel`.

mod auth;
mod boards;
mod budget;
mod etag;
mod events;
mod follow;
mod listen;
mod merge_patch;
mod metrics;
mod page;
mod problem;
mod read;
mod room;
mod routes;
mod server;
mod token;
mod units;
mod write;
mod write_timeout;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use pegel_program::args::serve::Serve;
use pegel_program::args::serve::address::Address;
use pegel_program::failure::{Failure, Result};
use pegel_program::shutdown::Shutdown;
use pegel_program::status::{Number, Status};
use pegel_program::target::Target;
use pegel_program::{program, runtime};
use tokio::sync::{Semaphore, watch};

use self::auth::Auth;
use self::boards::Boards;
use self::budget::Budget;
use self::follow::Hub;
use self::listen::{End, Listener};
use self::server::{Server, WriteLimits};

/// Maximum size of all responses that clients have not read, and of all request bodies, in bytes.
const MAX_RESPONSES: usize = 64 << 20;
const MAX_BODIES: usize = 16 << 20;
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
    let auth = auth(wanted)?;
    runtime::run_with(server::THREADS, async |shutdown| {
        serve(wanted, target, auth, shutdown).await
    })
}

async fn serve(wanted: &Serve, target: Target, auth: Auth, mut shutdown: Shutdown) -> Result<()> {
    let status = target.board(&wanted.status)?;
    let boards = Arc::new(Boards::new(target, &wanted.board, &wanted.write)?);
    let (sender, receiver) = watch::channel(false);
    let end = End::new(receiver);
    let server = Arc::new(Server {
        hub: Hub::new(Arc::clone(&boards)),
        boards,
        auth,
        limits: WriteLimits {
            max_body: wanted.max_body as usize,
            timeout: wanted.timeout,
            waiting: Arc::new(Semaphore::new(server::MAX_WAITING)),
            bodies: Budget::new(MAX_BODIES),
        },
        status: Status::create_or_log(&status, "Boards by HTTP", &NUMBERS),
        budget: Budget::new(MAX_RESPONSES),
        end: end.clone(),
    });
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
}

fn auth(wanted: &Serve) -> Result<Auth> {
    let token = wanted.token_file.as_deref().map(token::read);
    let token = token.transpose().map_err(Failure::Failed)?;
    let usage = |message: &str| Err(Failure::Usage(message.to_owned()));
    let (is_unix, is_beyond) = match &wanted.listen {
        Address::Internet(address) => (false, !address.ip().to_canonical().is_loopback()),
        Address::Unix(_) => (true, false),
    };
    if is_beyond && token.is_none() && !wanted.public {
        return usage(
            "the address is reachable from other machines: use --token-file FILE to ask for a \
             token, or --public to let everyone read",
        );
    }
    if !wanted.write.is_empty() && token.is_none() && !is_unix {
        return usage(
            "--write needs --token-file FILE, because every program and page can reach the \
             address; or use --listen unix:PATH, which only its owner and group can open",
        );
    }
    Ok(Auth {
        hosts: wanted.host.clone(),
        is_private: is_beyond && !wanted.public,
        trusts_all: is_unix && token.is_none(),
        token,
    })
}
