//! Writes and reads boards for `test_matrix.py`, which describes the form of its lines.

use std::env;
use std::error::Error;
use std::io::stdin;

use pegel::dynamic::{Reader, Writer};
use pegel::{Field, Options, Schema, Type, Value};

const CAPACITY: u32 = 4096;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn schema(kind: &str) -> pegel::Result<Schema> {
    let both = |name: &str, kind, count| {
        [
            Field::new(name, kind),
            Field::new(format!("{name}s"), kind).array(count),
        ]
    };
    Schema::new(match kind {
        "json" => vec![Field::json(CAPACITY)],
        "bytes" => vec![Field::bytes(CAPACITY)],
        _ => {
            let mut fields = Vec::new();
            fields.extend(both("flag", Type::Bool, 3));
            fields.extend(both("i8", Type::I8, 2));
            fields.extend(both("u8", Type::U8, 2));
            fields.extend(both("i16", Type::I16, 2));
            fields.extend(both("u16", Type::U16, 2));
            fields.extend(both("i32", Type::I32, 2));
            fields.extend(both("u32", Type::U32, 2));
            fields.extend(both("i64", Type::I64, 2));
            fields.extend(both("u64", Type::U64, 2));
            fields.extend(both("f32", Type::F32, 9));
            fields.extend(both("f64", Type::F64, 9));
            fields.push(Field::text("text", 24));
            fields.push(Field::text("texts", 9).array(3));
            fields.push(Field::new("last", Type::U8));
            for field in &mut fields {
                field.unit = match field.name.as_str() {
                    "u32" => "Wh",
                    "f32" => "µS/cm",
                    "f64" => "°C",
                    _ => "",
                }
                .into();
            }
            fields
        }
    })
}

fn parse(kind: Type, word: &str) -> Result<Value> {
    Ok(match kind {
        Type::Bool => Value::Bool(word == "true"),
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => Value::UInt(word.parse()?),
        Type::F32 => Value::F32(f32::from_bits(u32::from_str_radix(word, 16)?)),
        Type::F64 => Value::Float(f64::from_bits(u64::from_str_radix(word, 16)?)),
        Type::Text => Value::Text(word.into()),
        _ => Value::Int(word.parse()?),
    })
}

fn show(value: &Value) -> String {
    match value {
        Value::F32(value) => format!("{:08x}", value.to_bits()),
        Value::Float(value) => format!("{:016x}", value.to_bits()),
        Value::Bytes(bytes) => {
            let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
            digits.collect::<Vec<_>>().concat()
        }
        Value::List(values) => values.iter().map(show).collect::<Vec<_>>().join("\t"),
        value => value.to_string(),
    }
}

fn value<'a>(
    field: &Field,
    line: &str,
    words: &mut impl Iterator<Item = &'a str>,
) -> Result<Value> {
    let mut next = || parse(field.kind, words.next().ok_or("the line is too short")?);
    match field.kind {
        Type::Json => Ok(Value::Text(line.into())),
        Type::Bytes => {
            let pairs = (0..line.len()).step_by(2);
            let bytes = pairs.map(|start| u8::from_str_radix(&line[start..start + 2], 16));
            Ok(Value::Bytes(bytes.collect::<std::result::Result<_, _>>()?))
        }
        _ if field.count == 1 => next(),
        _ => (0..field.count)
            .map(|_| next())
            .collect::<Result<_>>()
            .map(Value::List),
    }
}

fn write(board: &str, schema: &Schema) -> Result<()> {
    let mut writer = Writer::create(board, schema, &Options::default())?;
    println!("ready");
    for line in stdin().lines() {
        let line = line?;
        let mut words = line.split('\t');
        let values = schema.fields().iter().map(|field| {
            let value = value(field, &line, &mut words)?;
            Ok((field.name.as_str(), value))
        });
        let record = schema.encode(&values.collect::<Result<Vec<_>>>()?)?;
        println!("{}", writer.publish(&record)?);
    }
    Ok(())
}

fn read(board: &str, schema: &Schema) -> Result<()> {
    let reader = Reader::open(board)?;
    if reader.schema() != schema {
        return Err("the board has another schema than this program".into());
    }
    for line in stdin().lines() {
        reader.wait(line?.parse()?, None)?;
        let now = reader.read()?;
        let (stamp, alive) = (now.stamp(), reader.writer_alive()?);
        let values: Vec<_> = now.values().iter().map(|(_, value)| show(value)).collect();
        let (sequence, generation) = (stamp.sequence, stamp.generation);
        println!("{sequence}\t{generation}\t{alive}\t{}", values.join("\t"));
    }
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<_> = env::args().collect();
    let [_, verb, board, kind] = &arguments[..] else {
        return Err("usage: matrix write|read BOARD record|json|bytes".into());
    };
    let schema = schema(kind)?;
    match &**verb {
        "write" => write(board, &schema),
        _ => read(board, &schema),
    }
}
