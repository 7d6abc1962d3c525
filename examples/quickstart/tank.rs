use pegel::{Options, Reader, Record, Text, Writer};

#[derive(Record)]
struct Tank {
    #[pegel(unit = "m")]
    level: f64,
    rain: bool,
    note: Text<24>,
}

fn main() -> pegel::Result<()> {
    let mut writer = Writer::<Tank>::create("tank", &Options::default())?;
    writer.publish(&Tank {
        level: 3.21,
        rain: true,
        note: Text::new("rising")?,
    })?;

    let tank = Reader::<Tank>::open("tank")?.read()?;
    let age = tank.stamp().age_ns;
    println!("{} m, {}, {age} ns old", tank.level, tank.note);
    Ok(())
}
