//! A board's record in Python.

use std::fmt::Write;

use pegel::{Field, Schema, Type, TypeClass, Value};
use pegel_program::escape;

use super::class_name;

const KEYWORDS: &str = "False None True and as assert async await break class continue def del \
    elif else except finally for from global if import in is lambda nonlocal not or pass raise \
    return try while with yield";
/// What the class itself needs: a field of that name would take its place.
const NEEDED: &str = "Annotated Optional bool float int pegel str tuple";

/// The module of a board; or why it cannot have one.
pub fn module(board: &str, schema: &Schema) -> Result<String, String> {
    if let Some(kind) = schema.document() {
        return Err(format!(
            "it holds documents of {kind}, which need no class; see snapshot.document"
        ));
    }
    let class = class_name(board);
    let mut text = format!(
        "\"\"\"Board {board}, as `pegel gen python {board}` prints it.\"\"\"\n\n\
         from __future__ import annotations\n\n\
         from typing import Annotated{optional}\n\n\
         import pegel\n\n\n\
         class {class}(pegel.Record):\n",
        optional = if schema.fields().iter().any(|field| field.optional) {
            ", Optional"
        } else {
            ""
        },
    );
    if !schema.description().is_empty() {
        let _ = writeln!(text, "    {}\n", docstring(schema.description()));
    }
    for field in schema.fields() {
        let name = &field.name;
        let is_in = |words: &str| words.split_ascii_whitespace().any(|word| word == name);
        if is_in(KEYWORDS) || is_in(NEEDED) || name.starts_with("__") {
            return Err(format!(
                "{name} cannot be a field of a class in Python; read it as snapshot[\"{name}\"]"
            ));
        }
        member(&mut text, field);
    }
    Ok(text)
}

fn member(text: &mut String, field: &Field) {
    let element = match field.kind.class() {
        TypeClass::Bool => "bool",
        TypeClass::Float => "float",
        TypeClass::Text => "str",
        TypeClass::Integer => "int",
        TypeClass::Json | TypeClass::Bytes => unreachable!("documents have no fields"),
    };
    let mut hint = element.to_owned();
    if field.count > 1 {
        hint = format!("tuple[{element}, ...]");
    }
    if field.optional {
        hint = format!("Optional[{hint}]");
    }
    let default = match &field.details.default {
        Some(default) => format!(" = {}", value(default)),
        None if field.optional => " = None".to_owned(),
        None => String::new(),
    };
    let (name, call) = (&field.name, call(field));
    let _ = writeln!(text, "    {name}: Annotated[{hint}, {call}]{default}");
}

/// The call that makes the field.
fn call(field: &Field) -> String {
    let details = &field.details;
    let mut arguments = Vec::new();
    let mut say = |name: &str, value: String| arguments.push(format!("{name}{value}"));
    if field.kind == Type::Text {
        say("", field.size.to_string());
    }
    if !field.unit.is_empty() {
        say("", string(&field.unit));
    }
    if field.count > 1 {
        say("count=", field.count.to_string());
    }
    if field.optional {
        say("optional=", "True".to_owned());
    }
    for (name, limit) in [("min=", &details.min), ("max=", &details.max)] {
        if let Some(limit) = limit {
            say(name, value(limit));
        }
    }
    for (name, text) in [
        ("label=", &details.label),
        ("description=", &details.description),
    ] {
        if !text.is_empty() {
            say(name, string(text));
        }
    }
    let kind = match field.kind {
        Type::Bool => "bool_",
        kind => kind.name(),
    };
    format!("pegel.{kind}({})", arguments.join(", "))
}

fn value(value: &Value) -> String {
    match value {
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::F32(value) => format!("{value:?}"),
        Value::Float(value) => format!("{value:?}"),
        Value::Text(text) => string(text),
        Value::List(values) => {
            let values: Vec<_> = values.iter().map(self::value).collect();
            format!("({})", values.join(", "))
        }
        value => value.to_string(),
    }
}

/// A string as Python writes it in double quotes.
fn string(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// Without the prompts of examples, which doctest would run.
fn docstring(text: &str) -> String {
    format!("\"\"\"{}\"\"\"", escaped(&text.replace(">>>", "> > >")))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '\n' => escaped.push_str("\\n"),
            c if escape::is_control(c) => {
                let _ = write!(escaped, "\\u{:04x}", c as u32);
            }
            c => escaped.push(c),
        }
    }
    escaped
}
