//! The command line of `pegel mqtt`: boards by MQTT.

pub mod broker;
pub mod topic;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use self::broker::Broker;
use self::topic::{Source, Topic};
use crate::time;

/// The default name of the board in which a bridge reports its state; names of others should begin with it.
pub const STATUS: &str = "pegel-mqtt";

const MORE: &str = "\
Below PREFIX/BOARD, all retained:
  (itself)      JSON: sequence, generation, published, age, record
  /fields/NAME  a value as text; empty while unknown
  /age          seconds, again every 10 s
  /writer       alive; turns (of --write and --lasting); gone: the writer or, as
                the last will, this bridge
  /schema, /record  for mirrors

With --write BOARD, which is written by turns, messages to PREFIX/BOARD/set (JSON:
an object of fields, or the document) and PREFIX/BOARD/set/FIELD (a value as text)
are published, and are on the disk then if the board is durable. What is refused is
told at PREFIX/BOARD/refused.

--mirror TOPIC, another bridge's PREFIX/BOARD, makes a board here that shows that
one: whole records with their sequences, generations and ages. Nobody can write it.

When the broker is away, nothing waits for it: once it is back, it gets what is
newest then. The board `pegel-mqtt` tells how this bridge fares.

Examples:
  pegel mqtt --broker mqtt://localhost
  pegel mqtt --broker mqtts://broker.lan --user solar \\
    --password-file /etc/pegel/mqtt.password --board inverter --write config \\
    --home-assistant
  pegel mqtt --broker mqtt://broker.lan --mirror pegel/solar/inverter";

/// Publish boards by MQTT, take commands for them, and mirror boards of other machines
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Mqtt {
    /// The broker to connect to
    #[arg(long, value_name = "URL")]
    #[arg(help = "mqtt://HOST[:PORT], or mqtts:// for TLS")]
    pub broker: Broker,
    /// A name that the broker knows
    #[arg(long, value_name = "NAME", requires = "password_file")]
    pub user: Option<String>,
    /// A file with its password
    #[arg(long, value_name = "FILE", requires = "user")]
    pub password_file: Option<PathBuf>,
    /// Who vouches for the broker's certificate, PEM [default: those whom the system trusts]
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// A certificate that the broker knows this machine by, PEM
    #[arg(long, value_name = "FILE", requires = "key")]
    pub certificate: Option<PathBuf>,
    /// Its key, PEM
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub key: Option<PathBuf>,
    /// Boards to publish: NAME or DIRECTORY/NAME [default: all that are no mirrors,
    /// unless one is named here or below]
    #[arg(long, value_name = "BOARD", num_args = 1..)]
    pub board: Vec<String>,
    /// Boards, written by turns, to publish and to take commands for
    #[arg(long, value_name = "BOARD", num_args = 1..)]
    pub write: Vec<String>,
    /// Boards to publish whose values last, though nobody has them open
    #[arg(long, value_name = "BOARD", num_args = 1..)]
    pub lasting: Vec<String>,
    /// Boards of others to show here, as NAME if that is given
    #[arg(long, value_name = "TOPIC[=NAME]", num_args = 1..)]
    pub mirror: Vec<Source>,
    /// Where boards are published [default: pegel/ and the name of this machine]
    #[arg(long, value_name = "TOPIC")]
    pub prefix: Option<Topic>,
    /// Tell Home Assistant what there is, at this topic
    #[arg(long, value_name = "TOPIC", num_args = 0..=1, default_missing_value = "homeassistant")]
    pub home_assistant: Option<Topic>,
    /// The shortest time between two records of a board
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = time::timeout)]
    pub every: Duration,
    /// How long a command waits for another writer
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = time::timeout)]
    pub timeout: Duration,
    /// The board that tells of this bridge
    #[arg(long, value_name = "BOARD", default_value = STATUS)]
    pub status: String,
}
