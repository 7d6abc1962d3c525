//! Reads or publishes a record of 64 bytes TIMES times, or does nothing: `loop WAY TIMES`.

use std::env;
use std::hint::black_box;

use pegel::{Options, Reader, Record, Writer};

#[derive(Record)]
struct Words {
    words: [u64; 8],
}

fn main() -> pegel::Result<()> {
    let mut arguments = env::args().skip(1);
    let way = arguments.next().unwrap_or_default();
    let times = arguments.next().and_then(|times| times.parse().ok());
    let mut writer = Writer::<Words>::create("loop", &Options::default())?;
    let record = Words { words: [7; 8] };
    writer.publish(&record)?;
    let reader = Reader::<Words>::open("loop")?;
    for _ in 0..times.unwrap_or(1) {
        match way.as_str() {
            "read" => {
                black_box(reader.read()?);
            }
            "publish" => {
                black_box(writer.publish(black_box(&record))?);
            }
            _ => {
                black_box(&record);
            }
        }
    }
    Ok(())
}
