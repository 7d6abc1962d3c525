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
  pegel create tank tank.toml     create a board; see `pegel create --help`
  pegel set tank level=3.21       change one field, keep the others
  pegel get tank level            print its value, for a script
  pegel show tank                 print everything, for a person
  pegel watch tank --json         print each new record, one JSON object a line

A board is NAME (a-z 0-9 . _ -, at most 64 characters) or DIRECTORY/NAME.
NAME is in the directory --dir, else $PEGEL_DIR, else /dev/shm.

In JSON, integers are exact up to 64 bits. Numbers that JSON does not have are
the strings \"NaN\", \"Infinity\" and \"-Infinity\". Bytes are base64. `published`
(Unix time) and `age` are in seconds; null for an unstamped record.

Exit status: 0 done; 1 failed, with the reason and the fix on standard error; 2
the command line is wrong.";

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

/// `pegel get`, which scripts call in loops: describing all other commands would take a third of
/// its time.
#[derive(Parser)]
#[command(name = "pegel")]
struct GetOnly {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    command: GetCommand,
}

#[derive(Subcommand)]
enum GetCommand {
    Get(get::Get),
}

fn parse() -> Program {
    match GetOnly::try_parse() {
        Ok(GetOnly {
            target,
            command: GetCommand::Get(get),
        }) => Program {
            target,
            command: Command::Get(get),
        },
        // Another command, or one that needs help.
        Err(_) => program::parse(),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The columns of a terminal.
    const COLUMNS: usize = 80;

    fn check(command: &mut clap::Command) {
        let name = command.get_name().to_owned();
        // Longer lines would be wrapped, which breaks the shape of lists and examples.
        let more = command.get_after_help().map(ToString::to_string);
        let help = command.render_help().to_string();
        assert!(help.starts_with("Usage: "), "{help}");
        for line in more.iter().chain([&help]).flat_map(|text| text.lines()) {
            assert!(line.chars().count() <= COLUMNS, "{name}: {line:?}");
        }
        // The command `help` is clap's own.
        let commands = command.get_subcommands_mut();
        commands
            .filter(|command| command.get_name() != "help")
            .for_each(check);
    }

    #[test]
    fn no_line_of_help_is_too_long() {
        let mut command = program::with_help(Program::command());
        command.build();
        check(&mut command);
        let commands: Vec<_> = command
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect();
        for bridge in ["mqtt", "opcua", "serial", "serve", "sysv"] {
            assert!(commands.contains(&bridge), "{commands:?}");
        }
    }
}
