//! `pegel`: create, show, read, change and watch boards.

mod command;
mod description;
mod terminal;
mod time;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
#[cfg(feature = "mqtt")]
use pegel_program::args::mqtt;
#[cfg(feature = "opcua")]
use pegel_program::args::opcua;
#[cfg(feature = "serve")]
use pegel_program::args::serve;
use pegel_program::failure::Failure;
#[cfg(any(feature = "mqtt", feature = "opcua", feature = "serve"))]
use pegel_program::program;
use pegel_program::target::Target;

#[cfg(feature = "sysv")]
use crate::command::sysv;
use crate::command::{
    bench, completions, create, doctor, dump, gc, generate, get, keep, load, ls, man, rm, schema,
    serial, set, show, sync, watch,
};

const MORE: &str = "\
Examples:
  pegel create tank tank.toml     make a board; see `pegel create --help`
  pegel set tank level=3.21       change one field, keep the others
  pegel get tank level            print its value, for a script
  pegel show tank                 print everything, for a person
  pegel watch tank --json         print each new record, one JSON object a line

A board is NAME (a-z 0-9 . _ -, at most 64 characters) or DIRECTORY/NAME.
NAME is looked for in --dir, else in $PEGEL_DIR, else in /dev/shm.

In the JSON, integers are exact up to 64 bits. What JSON has no numbers for are
the strings \"NaN\", \"Infinity\" and \"-Infinity\". Bytes are base64. `published` is
Unix time, and it and `age` are in seconds; null if the writer leaves them out.

Exit status: 0 done; 1 failed, and standard error says why and what to do; 2 the
command line is wrong.";

/// Show and change boards: the latest value of something, in shared memory
#[derive(Parser)]
#[command(name = "pegel", version, max_term_width = 80, after_help = MORE)]
#[command(subcommand_required = true, arg_required_else_help = true)]
struct Program {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Ls(ls::Ls),
    Show(show::Show),
    Get(get::Get),
    Set(set::Set),
    Watch(watch::Watch),
    Create(create::Create),
    Schema(schema::Schema),
    #[command(name = "gen")]
    Generate(generate::Generate),
    Rm(rm::Rm),
    Gc(gc::Gc),
    Dump(dump::Dump),
    Load(load::Load),
    Sync(sync::Sync),
    Keep(keep::Keep),
    Doctor(doctor::Doctor),
    Serial(serial::Serial),
    #[cfg(feature = "serve")]
    Serve(serve::Serve),
    #[cfg(feature = "mqtt")]
    Mqtt(mqtt::Mqtt),
    #[cfg(feature = "opcua")]
    Opcua(opcua::Opcua),
    #[cfg(feature = "sysv")]
    Sysv(sysv::Sysv),
    Bench(bench::Bench),
    Completions(completions::Completions),
    #[command(hide = true)]
    Man(man::Man),
}

/// `pegel get`, which scripts call in loops: to describe all the other commands would take a third of its time.
#[derive(Parser)]
#[command(name = "pegel")]
struct Brief {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    command: BriefCommand,
}

#[derive(Subcommand)]
enum BriefCommand {
    Get(get::Get),
}

fn parse() -> Program {
    match Brief::try_parse() {
        Ok(Brief {
            target,
            command: BriefCommand::Get(get),
        }) => Program {
            target,
            command: Command::Get(get),
        },
        // Another command, or one that needs help.
        Err(_) => Program::parse(),
    }
}

fn main() -> ExitCode {
    let Program { target, command } = parse();
    let done = match command {
        Command::Ls(ls) => ls.run(&target),
        Command::Show(show) => show.run(&target),
        Command::Get(get) => get.run(&target),
        Command::Set(set) => set.run(&target),
        Command::Watch(watch) => watch.run(&target),
        Command::Create(create) => create.run(&target),
        Command::Schema(schema) => schema.run(&target),
        Command::Generate(generate) => generate.run(&target),
        Command::Rm(rm) => rm.run(&target),
        Command::Gc(gc) => gc.run(&target),
        Command::Dump(dump) => dump.run(&target),
        Command::Load(load) => load.run(&target),
        Command::Sync(sync) => sync.run(&target),
        Command::Keep(keep) => keep.run(&target),
        Command::Doctor(doctor) => doctor.run(&target),
        Command::Serial(serial) => serial.run(&target),
        #[cfg(feature = "serve")]
        Command::Serve(_) => program::exec("pegel-serve"),
        #[cfg(feature = "mqtt")]
        Command::Mqtt(_) => program::exec("pegel-mqtt"),
        #[cfg(feature = "opcua")]
        Command::Opcua(_) => program::exec("pegel-opcua"),
        #[cfg(feature = "sysv")]
        Command::Sysv(sysv) => sysv.run(&target),
        Command::Bench(bench) => bench.run(&target),
        Command::Completions(completions) => completions.run(Program::command()),
        Command::Man(man) => man.run(Program::command()),
    };
    match done.and_then(|()| io::stdout().flush().map_err(Failure::from)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
