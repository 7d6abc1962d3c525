use pegel::dynamic::{Reader, Writer};
use pegel::{Field, Options, Schema, Type, Value};

fn main() -> pegel::Result<()> {
    let schema = Schema::new(vec![
        Field::new("level", Type::F64).unit("m"),
        Field::new("rain", Type::Bool),
        Field::text("note", 24),
    ])?;
    let mut writer = Writer::create("tank", &schema, &Options::default())?;
    writer.publish(&schema.encode(&[
        ("level", Value::Float(3.21)),
        ("rain", Value::Bool(true)),
        ("note", Value::Text("rising".into())),
    ])?)?;

    let tank = Reader::open("tank")?.read()?;
    let (level, note, age) = (tank.get("level")?, tank.get("note")?, tank.stamp().age_ns);
    println!("{level} m, {note}, {age} ns old");
    Ok(())
}
