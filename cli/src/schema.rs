//! The TOML file that describes a board.

use std::fs;
use std::path::Path;

use pegel::{Details, Field, Schema, Type, Value};
use serde::{Deserialize, Deserializer, de};

pub struct Description {
    pub schema: Schema,
    /// As in [`pegel::Options`]: 0 is the default.
    pub slots: u32,
    pub mode: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    description: String,
    #[serde(default)]
    field: Vec<FieldEntry>,
    #[serde(default, deserialize_with = "document_type")]
    document: Option<Type>,
    capacity: Option<u32>,
    default: Option<String>,
    #[serde(default)]
    slots: u32,
    #[serde(default, deserialize_with = "mode_text")]
    mode: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldEntry {
    name: String,
    #[serde(rename = "type", deserialize_with = "field_type")]
    kind: Type,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    size: u32,
    #[serde(default)]
    count: u32,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    label: String,
    #[serde(default)]
    description: String,
    default: Option<Literal>,
    min: Option<Literal>,
    max: Option<Literal>,
}

/// Wider than `toml::Value`, which has no numbers beyond `i64`.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a default is a number, a boolean, a text, or an array of them"
)]
enum Literal {
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float(f64),
    Text(String),
    List(Vec<Literal>),
}

impl Literal {
    fn value(&self) -> Value {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::UInt(value) => Value::UInt(*value),
            Self::Float(value) => Value::Float(*value),
            Self::Text(value) => Value::Text(value.clone()),
            Self::List(values) => Value::List(values.iter().map(Self::value).collect()),
        }
    }
}

/// Reads permission bits in octal, with or without a leading 0.
pub fn mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode @ 1..=0o777) => Ok(mode),
        _ => Err(format!("mode {text:?} is no octal number such as 0640")),
    }
}

fn mode_text<'de, D: Deserializer<'de>>(file: D) -> Result<u32, D::Error> {
    mode(&String::deserialize(file)?).map_err(de::Error::custom)
}

fn field_type<'de, D: Deserializer<'de>>(file: D) -> Result<Type, D::Error> {
    let kind: Type = String::deserialize(file)?
        .parse()
        .map_err(de::Error::custom)?;
    if kind.is_document() {
        let advice = format!("{kind} is no field's type; write document = \"{kind}\" instead");
        return Err(de::Error::custom(advice));
    }
    Ok(kind)
}

fn document_type<'de, D: Deserializer<'de>>(file: D) -> Result<Option<Type>, D::Error> {
    match &*String::deserialize(file)? {
        "json" => Ok(Some(Type::Json)),
        "bytes" => Ok(Some(Type::Bytes)),
        other => Err(de::Error::custom(format!(
            "a document is \"json\" or \"bytes\", not {other:?}"
        ))),
    }
}

pub fn read(path: &Path) -> Result<Description, String> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read the schema {shown}: {error}"))?;
    toml::from_str(&text)
        .map_err(|error| error.to_string())
        .and_then(|file| describe(&file))
        .map_err(|error| format!("schema {shown}: {}", error.trim_end()))
}

fn describe(file: &File) -> Result<Description, String> {
    let fields = match file.document {
        Some(kind) => vec![document(file, kind)?],
        None => record(file)?,
    };
    let schema = Schema::new(fields).and_then(|schema| schema.describe(&*file.description));
    Ok(Description {
        schema: schema.map_err(|error| error.to_string())?,
        slots: file.slots,
        mode: file.mode,
    })
}

fn document(file: &File, kind: Type) -> Result<Field, String> {
    if !file.field.is_empty() {
        return Err("a board holds a document or fields, not both".into());
    }
    let capacity = file
        .capacity
        .ok_or("a document needs a capacity, the bytes of the longest one")?;
    let field = if kind == Type::Json {
        Field::json(capacity)
    } else {
        Field::bytes(capacity)
    };
    Ok(match &file.default {
        Some(default) => field.default(default.clone()),
        None => field,
    })
}

fn record(file: &File) -> Result<Vec<Field>, String> {
    if file.field.is_empty() {
        return Err(
            "it has neither fields nor a document; `pegel create --help` shows both".into(),
        );
    }
    if file.capacity.is_some() || file.default.is_some() {
        return Err(
            "a capacity and a default outside of the fields are those of a document".into(),
        );
    }
    let fields = file.field.iter().map(|entry| Field {
        name: entry.name.clone(),
        unit: entry.unit.clone(),
        kind: entry.kind,
        size: entry.size,
        count: entry.count,
        offset: 0,
        optional: entry.optional,
        details: Details {
            label: entry.label.clone(),
            description: entry.description.clone(),
            default: entry.default.as_ref().map(Literal::value),
            min: entry.min.as_ref().map(Literal::value),
            max: entry.max.as_ref().map(Literal::value),
        },
    });
    Ok(fields.collect())
}
