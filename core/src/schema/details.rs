//! Label, description, default and limits of fields. The segment has them as one JSON text, so that
//! any program can show a board, check a value and render a form for it.

use std::collections::HashSet;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

use crate::error::{Error, ErrorKind, Result};
use crate::schema::MAX_DETAILS;
use crate::schema::field::Field;
use crate::schema::types::TypeClass;
use crate::schema::value::Value;

/// What programs need to show a field or to change it. Each member is optional.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// The name that people see.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// What the field means.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The value until another one is published.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "value")]
    pub default: Option<Value>,
    /// The least value of each element, which writers by name check.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "value")]
    pub min: Option<Value>,
    /// The greatest value of each element, which writers by name check.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "value")]
    pub max: Option<Value>,
}

impl Details {
    /// Whether there are none. Not a comparison with the default: comparing empty strings loads
    /// from invalid addresses, which takes longer than the rest of opening a field.
    pub(crate) fn is_empty(&self) -> bool {
        self.label.is_empty()
            && self.description.is_empty()
            && self.default.is_none()
            && self.min.is_none()
            && self.max.is_none()
    }
}

/// The JSON text, without empty members; unknown ones are ignored.
#[derive(Serialize, Deserialize)]
struct Text<'a> {
    #[serde(default, skip_serializing_if = "str::is_empty", borrow)]
    description: std::borrow::Cow<'a, str>,
    #[serde(default, skip_serializing_if = "ByName::is_empty")]
    fields: ByName,
}

/// Details by the names of their fields, in the fields' order.
#[derive(Default)]
struct ByName(Vec<(String, Details)>);

impl ByName {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for ByName {
    fn serialize<S: Serializer>(&self, out: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(Some(self.0.len()))?;
        for (name, details) in &self.0 {
            map.serialize_entry(name, details)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for ByName {
    fn deserialize<D: Deserializer<'de>>(text: D) -> std::result::Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = ByName;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("details by field")
            }

            fn visit_map<M: MapAccess<'de>>(
                self,
                mut map: M,
            ) -> std::result::Result<ByName, M::Error> {
                let mut all = Vec::new();
                let mut names = HashSet::new();
                while let Some((name, Object(details))) = map.next_entry::<String, _>()? {
                    // Otherwise two readers could use different limits.
                    if !names.insert(name.clone()) {
                        return Err(M::Error::custom(format!("duplicate field {name:?}")));
                    }
                    all.push((name, details));
                }
                Ok(ByName(all))
            }
        }
        text.deserialize_map(Map)
    }
}

/// A JSON object, as serde would also deserialize a struct from an array.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(text: D) -> std::result::Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("a JSON object")
            }

            fn visit_map<M: MapAccess<'de>>(
                self,
                map: M,
            ) -> std::result::Result<Self::Value, M::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        text.deserialize_map(Members(PhantomData))
    }
}

/// The text of a board's details; empty if there are none.
pub fn write(description: &str, fields: &[Field]) -> Result<String> {
    let described = fields.iter().filter(|field| !field.details.is_empty());
    let text = Text {
        description: description.into(),
        fields: ByName(
            described
                .map(|field| (field.name.clone(), field.details.clone()))
                .collect(),
        ),
    };
    if text.description.is_empty() && text.fields.is_empty() {
        return Ok(String::new());
    }
    let text = serde_json::to_string(&text).map_err(|error| refuse(&error.to_string()))?;
    if text.len() > MAX_DETAILS {
        let length = text.len();
        return Err(refuse(&format!(
            "labels, descriptions and defaults must have at most {MAX_DETAILS} bytes (got {length})"
        )));
    }
    Ok(text)
}

/// Reads the details of a text into the fields, and returns the board's description.
pub fn read(text: &str, fields: &mut [Field]) -> Result<String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let Object(read): Object<Text<'_>> =
        serde_json::from_str(text).map_err(|error| refuse(&format!("invalid details: {error}")))?;
    for (name, details) in read.fields.0 {
        let Some(field) = fields.iter_mut().find(|field| field.name == name) else {
            return Err(refuse(&format!(
                "there are details of {name:?}, but no such field"
            )));
        };
        field.details = match field.kind.class() {
            TypeClass::Float => Details {
                default: details.default.map(as_float),
                min: details.min.map(as_float),
                max: details.max.map(as_float),
                ..details
            },
            TypeClass::Bool
            | TypeClass::Integer
            | TypeClass::Text
            | TypeClass::Json
            | TypeClass::Bytes => details,
        };
    }
    Ok(read.description.into_owned())
}

/// A number of a JSON text as a float, even if it has no fraction.
fn as_float(value: Value) -> Value {
    match (value.number(), value) {
        (Some(number), _) => Value::Float(number),
        (None, Value::List(values)) => Value::List(values.into_iter().map(as_float).collect()),
        (None, other) => other,
    }
}

/// A value from JSON, `None` for null. Not derived for [`Value`]: features of `serde_json` that
/// other crates enable change the number that a derived implementation gets.
fn value<'de, D: Deserializer<'de>>(text: D) -> std::result::Result<Option<Value>, D::Error> {
    fn convert(json: Json) -> Option<Value> {
        Some(match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(value),
            Json::Number(number) => {
                // -0 is a float: with serde_json's `arbitrary_precision`, which other crates may
                // enable, it would be the integer 0.
                let is_negative_zero = || number.to_string().starts_with("-0");
                let signed = number
                    .as_i64()
                    .filter(|value| *value != 0 || !is_negative_zero());
                let signed = signed.map(Value::Int);
                let unsigned = || number.as_u64().map(Value::UInt);
                let float = || number.as_f64().map(Value::Float);
                signed.or_else(unsigned).or_else(float)?
            }
            Json::String(text) => Value::Text(text),
            Json::Array(values) => {
                Value::List(values.into_iter().map(convert).collect::<Option<_>>()?)
            }
            Json::Object(_) => return None,
        })
    }
    let json = Json::deserialize(text)?;
    if json.is_null() {
        return Ok(None);
    }
    convert(json).map(Some).ok_or_else(|| {
        D::Error::custom("a value must be a number, a boolean, a text, or an array of them")
    })
}

pub(super) fn refuse(reason: &str) -> Error {
    Error::new(ErrorKind::InvalidFields, reason)
}
