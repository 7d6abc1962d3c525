//! Opens a durable board, prints the restored record, publishes LEVEL, syncs, and waits.

use std::env::args;
use std::error::Error;
use std::io::stdin;

use pegel::{Options, Record, Writer};

#[derive(Clone, Copy, Default, Record)]
struct Gauge {
    #[pegel(unit = "m")]
    level: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options {
        durable: true,
        ..Options::default()
    };
    let mut writer = Writer::<Gauge>::create("gauge", &options)?;
    let before = writer.read().ok();
    let level = before.map_or(0.0, |now| now.level);
    let sequence = before.map_or(0, |now| now.stamp().sequence);
    let is_durable = writer.dynamic().reader().info().durable;
    println!(
        "{sequence} {level} {}",
        if is_durable { "durable" } else { "" }
    );

    let level = args().nth(1).ok_or("LEVEL")?.parse()?;
    writer.publish(&Gauge { level })?;
    println!("{}", writer.sync()?);
    stdin().read_line(&mut String::new())?;
    Ok(())
}
