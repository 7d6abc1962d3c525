//! Publishes and reads by a struct that was printed for a board.

mod roof_tank;

use std::error::Error;

use roof_tank::RoofTank1;

fn main() -> Result<(), Box<dyn Error>> {
    let options = pegel::Options::default();
    let mut writer = pegel::Writer::<RoofTank1>::create("roof-tank.1", &options)?;
    let record = RoofTank1 {
        level: 2.5,
        flags: [false, true, true],
        big: u64::MAX,
        wind: Some(1.5),
        switch: None,
        names: ["x".parse()?, "äö".parse()?],
    };
    writer.publish(&record)?;
    let now = pegel::Reader::<RoofTank1>::open("roof-tank.1")?.read()?;
    assert_eq!(*now, record);
    println!("{} {:?} {:?}", now.level, now.wind, now.switch);
    Ok(())
}
