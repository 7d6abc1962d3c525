//! The port: its settings, and how it is opened.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::{fmt, io};

use clap::ValueEnum;
use nix::fcntl::OFlag;
use nix::sys::termios::{ControlFlags, SetArg, tcgetattr, tcsetattr};
use pegel_program::failure::{Failure, Result};
use tokio_serial::{DataBits, SerialPortBuilderExt, SerialStream, StopBits};

use super::Serial;
use super::map::Map;

#[derive(Clone, Copy, ValueEnum)]
pub enum Parity {
    None,
    Even,
    Odd,
}

/// A port, as it is opened.
pub struct Port {
    pub device: String,
    baud: u32,
    data_bits: DataBits,
    parity: tokio_serial::Parity,
    stop_bits: StopBits,
    hangup: bool,
}

impl Port {
    /// The settings of the command line, which take precedence, and of the map.
    pub fn new(given: &Serial, map: &Map) -> Result<Self> {
        let Some(device) = given.port.clone().or_else(|| map.port.device.clone()) else {
            return Err(Failure::Usage(
                "no port is given: use --port DEVICE, or port = in the map".to_owned(),
            ));
        };
        let settings = &map.port;
        let wrong = |what: &str| wrong(&given.map, what);
        Ok(Self {
            device,
            baud: given.baud.or(settings.baud).unwrap_or(9600),
            data_bits: match given.data_bits.or(settings.data_bits).unwrap_or(8) {
                5 => DataBits::Five,
                6 => DataBits::Six,
                7 => DataBits::Seven,
                8 => DataBits::Eight,
                bits => return Err(wrong(&format!("data_bits must be 5 to 8 (got {bits})"))),
            },
            parity: match (given.parity, settings.parity.as_deref()) {
                (Some(Parity::None), _) | (None, None | Some("none")) => tokio_serial::Parity::None,
                (Some(Parity::Even), _) | (None, Some("even")) => tokio_serial::Parity::Even,
                (Some(Parity::Odd), _) | (None, Some("odd")) => tokio_serial::Parity::Odd,
                (None, Some(other)) => {
                    let choice = "\"none\", \"even\" or \"odd\"";
                    return Err(wrong(&format!("parity must be {choice} (got {other:?})")));
                }
            },
            stop_bits: match given.stop_bits.or(settings.stop_bits).unwrap_or(1) {
                1 => StopBits::One,
                2 => StopBits::Two,
                bits => return Err(wrong(&format!("stop_bits must be 1 or 2 (got {bits})"))),
            },
            hangup: !given.no_hangup && settings.hangup.unwrap_or(true),
        })
    }

    /// Opens the port.
    pub fn open(&self) -> std::result::Result<SerialStream, String> {
        let failed = |error: &dyn fmt::Display| format!("cannot open {}: {error}", self.device);
        // The setting belongs to the device, and lasts while the device is open.
        let _device = if self.hangup {
            None
        } else {
            Some(self.keep_dtr().map_err(|error| failed(&error))?)
        };
        tokio_serial::new(&self.device, self.baud)
            .data_bits(self.data_bits)
            .parity(self.parity)
            .stop_bits(self.stop_bits)
            .open_native_async()
            .map_err(|error| failed(&error))
    }

    /// Keeps the kernel from dropping DTR when the port is closed.
    fn keep_dtr(&self) -> io::Result<File> {
        let flags = OFlag::O_NOCTTY | OFlag::O_NONBLOCK;
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags.bits())
            .open(&self.device)?;
        let mut settings = tcgetattr(&device)?;
        settings.control_flags.remove(ControlFlags::HUPCL);
        tcsetattr(&device, SetArg::TCSANOW, &settings)?;
        Ok(device)
    }
}

fn wrong(map: &Path, what: &str) -> Failure {
    Failure::Failed(format!("map {}: {what}", map.display()))
}
