//! The command line of `pegel mqtt`: boards by MQTT.

pub mod broker;
pub mod topic;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use self::broker::Broker;
use self::topic::{Source, Topic};
use crate::time;

/// The default name of the status board; names of others should begin with it.
pub const STATUS: &str = "pegel-mqtt";

const MORE: &str = "\
Below PREFIX/BOARD, all retained:
  (itself)      JSON: sequence, generation, published, age, record
  /fields/NAME  a value as text; empty while unknown
  /age          seconds, repeated every 10 s
  /writer       alive, shared (of --write and --settings), or gone: the writer
                or, as the last will, this bridge
  /schema, /record  for mirrors

With --write BOARD, messages to PREFIX/BOARD/set (JSON: an object of fields, or
the document) and to PREFIX/BOARD/set/FIELD (a value as text) change the board.
They are acknowledged after the record is published and, if the board is
durable, on disk. A rejected message is reported at PREFIX/BOARD/rejected.

--mirror TOPIC, another bridge's PREFIX/BOARD, makes a read-only copy of that
board here: whole records with their sequences, generations and ages.

Nothing is queued for a broker that is down: after it returns, it gets the
newest records. The bridge reports its state in the board `pegel-mqtt`.

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
    /// User name for the broker
    #[arg(long, value_name = "NAME", requires = "password_file")]
    pub user: Option<String>,
    /// File with the password of the user
    #[arg(long, value_name = "FILE", requires = "user")]
    pub password_file: Option<PathBuf>,
    /// CA certificates for the broker, PEM [default: the system's]
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Client certificate of this machine, PEM
    #[arg(long, value_name = "FILE", requires = "key")]
    pub certificate: Option<PathBuf>,
    /// Key of the client certificate, PEM
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub key: Option<PathBuf>,
    /// Boards to publish: NAME or DIRECTORY/NAME [default: all but mirrors, unless
    /// a board is named here or below]
    #[arg(long, value_name = "BOARD", num_args = 1..)]
    pub board: Vec<String>,
    /// Shared boards to publish, and to change by messages
    #[arg(long, value_name = "BOARD", num_args = 1..)]
    pub write: Vec<String>,
    /// Boards to publish that stay valid without a live writer
    #[arg(long, value_name = "BOARD", num_args = 1..)]
    pub settings: Vec<String>,
    /// Remote boards to copy here, under NAME if given
    #[arg(long, value_name = "TOPIC[=NAME]", num_args = 1..)]
    pub mirror: Vec<Source>,
    /// Topic of the boards [default: pegel/ and the name of this machine]
    #[arg(long, value_name = "TOPIC")]
    pub prefix: Option<Topic>,
    /// Announce the boards to Home Assistant, at this topic
    #[arg(long, value_name = "TOPIC", num_args = 0..=1, default_missing_value = "homeassistant")]
    pub home_assistant: Option<Topic>,
    /// Minimum interval between two messages of a board
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = time::timeout)]
    pub min_interval: Duration,
    /// How long a command waits for the writer lock
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = time::timeout)]
    pub timeout: Duration,
    /// Status board of this bridge
    #[arg(long, value_name = "BOARD", default_value = STATUS)]
    pub status: String,
}
