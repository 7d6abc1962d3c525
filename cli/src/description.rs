//! The TOML file that describes a board.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use pegel::dynamic::Reader;
use pegel::{Details, Field, Schema, Type, Value};
use pegel_program::escape;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub struct Description {
    /// The board's name, if the file has it.
    pub board: Option<String>,
    pub schema: Schema,
    /// As in [`pegel::Options`]: 0 is the default.
    pub slots: u32,
    pub mode: u32,
    pub checksum: bool,
    pub durable: bool,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    #[serde(skip_serializing_if = "Option::is_none")]
    board: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "is_unset")]
    slots: u32,
    #[serde(
        skip_serializing_if = "is_unset",
        deserialize_with = "mode_text",
        serialize_with = "octal"
    )]
    mode: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    checksum: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    durable: bool,
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "document_type",
        serialize_with = "type_name"
    )]
    document: Option<Type>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    field: Vec<FieldEntry>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct FieldEntry {
    name: String,
    #[serde(
        rename = "type",
        deserialize_with = "field_type",
        serialize_with = "type_name"
    )]
    kind: Option<Type>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    unit: String,
    #[serde(default, skip_serializing_if = "is_unset")]
    size: u32,
    #[serde(default, skip_serializing_if = "is_unset")]
    count: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    optional: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    label: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<Literal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<Literal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<Literal>,
}

/// 0 stands for the default.
#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_unset(number: &u32) -> bool {
    *number == 0
}

/// Wider than `toml::Value`, which has no numbers beyond `i64`.
#[derive(Deserialize, Serialize)]
#[serde(
    untagged,
    expecting = "a default is a number, a boolean, a text, or an array of them"
)]
enum Literal {
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float(f64),
    /// Only written: its shortest decimal is its own.
    #[serde(skip_deserializing)]
    F32(f32),
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
            Self::F32(value) => Value::F32(*value),
            Self::Text(value) => Value::Text(value.clone()),
            Self::List(values) => Value::List(values.iter().map(Self::value).collect()),
        }
    }
}

impl Literal {
    fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::UInt(value) => Self::UInt(*value),
            Value::F32(value) => Self::F32(*value),
            Value::Float(value) => Self::Float(*value),
            Value::Text(value) => Self::Text(marked(value)),
            Value::List(values) => Self::List(values.iter().map(Self::of).collect::<Option<_>>()?),
            Value::Null | Value::Bytes(_) => return None,
        })
    }
}

/// Reads permission bits in octal, with or without a leading 0.
pub fn mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode @ 1..=0o777) => Ok(mode),
        _ => Err(format!("mode {text:?} is not an octal number such as 0640")),
    }
}

fn mode_text<'de, D: Deserializer<'de>>(file: D) -> Result<u32, D::Error> {
    mode(&String::deserialize(file)?).map_err(de::Error::custom)
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn octal<S: Serializer>(mode: &u32, file: S) -> Result<S::Ok, S::Error> {
    file.serialize_str(&format!("{mode:04o}"))
}

#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn type_name<S: Serializer>(kind: &Option<Type>, file: S) -> Result<S::Ok, S::Error> {
    kind.map(Type::name).serialize(file)
}

fn field_type<'de, D: Deserializer<'de>>(file: D) -> Result<Option<Type>, D::Error> {
    let kind: Type = String::deserialize(file)?
        .parse()
        .map_err(de::Error::custom)?;
    if kind.is_document() {
        let advice =
            format!("{kind} is not the type of a field; write document = \"{kind}\" instead");
        return Err(de::Error::custom(advice));
    }
    Ok(Some(kind))
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
    parse(&text).map_err(|error| format!("schema {shown}: {}", error.trim_end()))
}

/// The description in the text of such a file.
pub fn parse(text: &str) -> Result<Description, String> {
    let file = toml::from_str(text).map_err(|error| error.to_string())?;
    describe(&file)
}

fn describe(file: &File) -> Result<Description, String> {
    let fields = match file.document {
        Some(kind) => vec![document(file, kind)?],
        None => record(file)?,
    };
    let schema = Schema::new(fields).and_then(|schema| schema.describe(&*file.description));
    Ok(Description {
        board: file.board.clone(),
        schema: schema.map_err(|error| error.to_string())?,
        slots: file.slots,
        mode: file.mode,
        checksum: file.checksum,
        durable: file.durable,
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
        kind: entry.kind.unwrap_or(Type::F64),
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

/// The file that describes a board.
pub fn write(reader: &Reader) -> Result<String, String> {
    let (schema, info) = (reader.schema(), reader.info());
    let mut file = File {
        board: Some(reader.board().to_owned()),
        description: marked(schema.description()),
        slots: info.slots,
        mode: info.mode,
        checksum: info.checksums,
        durable: info.durable,
        ..File::default()
    };
    if schema.document().is_some() {
        let field = &schema.fields()[0];
        file.document = Some(field.kind);
        file.capacity = Some(field.size);
        file.default = match &field.details.default {
            None => None,
            Some(Value::Bytes(bytes)) => {
                let text = std::str::from_utf8(bytes)
                    .map_err(|_| "the default is not UTF-8, so a schema file cannot have it")?;
                Some(marked(text))
            }
            Some(text) => Some(marked(&text.to_string())),
        };
    } else {
        file.field = schema.fields().iter().map(entry).collect();
    }
    let text = toml::to_string(&file).map_err(|error| error.to_string())?;
    Ok(text.replace(WRITTEN_MARK, "\\u"))
}

/// Stands before the number of a character that [`write`] escapes: a noncharacter, and a character
/// that every kind of string in TOML escapes.
const MARK: &str = "\u{fdd0}\u{1}";
/// The mark as it is written.
const WRITTEN_MARK: &str = "\u{fdd0}\\u0001";

/// A text of a board, in which marks replace the characters that a terminal or an editor would obey
/// and that `toml` does not escape.
fn marked(text: &str) -> String {
    let mut marked = String::with_capacity(text.len());
    for c in text.chars() {
        if (escape::is_control(c) && !c.is_ascii_control()) || c == '\u{fdd0}' {
            let _ = write!(marked, "{MARK}{:04x}", u32::from(c));
        } else {
            marked.push(c);
        }
    }
    marked
}

fn entry(field: &Field) -> FieldEntry {
    let Field {
        name,
        unit,
        kind,
        size,
        count,
        optional,
        details,
        ..
    } = field.clone();
    let literal = |value: Option<Value>| value.as_ref().and_then(Literal::of);
    FieldEntry {
        name,
        kind: Some(kind),
        unit: marked(&unit),
        size: if kind == Type::Text { size } else { 0 },
        count: if count == 1 { 0 } else { count },
        optional,
        label: marked(&details.label),
        description: marked(&details.description),
        default: literal(details.default),
        min: literal(details.min),
        max: literal(details.max),
    }
}
