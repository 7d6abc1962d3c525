//! A board's record in Rust.

use std::fmt::Write;

use pegel::{Field, Schema, TypeClass, Value};
use pegel_program::escape;

use super::class_name;

const KEYWORDS: &str = "abstract as async await become box break const continue crate do dyn \
    else enum extern false final fn for gen if impl in let loop macro match mod move mut \
    override priv pub ref return self Self static struct super trait true try type typeof union \
    unsafe unsized use virtual where while yield";

/// The module of a board; or why it cannot have one.
pub fn module(board: &str, schema: &Schema) -> Result<String, String> {
    if let Some(kind) = schema.document() {
        return Err(format!(
            "it holds documents of {kind}, which need no struct; see pegel::dynamic"
        ));
    }
    let mut text = format!("//! Board {board}, as `pegel gen rust {board}` prints it.\n\n");
    documentation(&mut text, "", schema.description());
    let equal = "Clone, Copy, Debug, PartialEq";
    let _ = writeln!(
        text,
        "#[derive({equal}, pegel::Record)]\npub struct {} {{",
        class_name(board)
    );
    for field in schema.fields() {
        let name = &field.name;
        if KEYWORDS.split_ascii_whitespace().any(|word| word == name) {
            return Err(format!(
                "{name} cannot be a field of a struct in Rust; use pegel::dynamic"
            ));
        }
        if is_plain(&field.details.description) {
            documentation(&mut text, "    ", &field.details.description);
        }
        let attributes = attributes(field);
        if !attributes.is_empty() {
            let _ = writeln!(text, "    #[pegel({})]", attributes.join(", "));
        }
        let _ = writeln!(text, "    pub {name}: {},", kind(field));
    }
    text.push_str("}\n");
    Ok(text)
}

fn documentation(text: &mut String, indent: &str, description: &str) {
    for line in description.lines() {
        let _ = writeln!(
            text,
            "{}",
            format!("{indent}/// {}", plain(line)).trim_end()
        );
    }
}

/// A line of a comment without fences and indents: rustdoc would take them for an example, which
/// its tests run.
fn plain(line: &str) -> String {
    let line: String = line
        .chars()
        .map(|c| if escape::is_control(c) { ' ' } else { c })
        .collect();
    let mut line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    for (fence, other) in [("```", "'"), ("~~~", "-")] {
        if line.contains(fence) {
            line = line.replace(&fence[..1], other);
        }
    }
    line
}

/// Whether a comment can hold it as it is.
fn is_plain(description: &str) -> bool {
    plain(description) == description
}

fn kind(field: &Field) -> String {
    let mut kind = match field.kind.class() {
        TypeClass::Text => format!("pegel::Text<{}>", field.size),
        // Rust's own names.
        TypeClass::Bool | TypeClass::Integer | TypeClass::Float => field.kind.name().to_owned(),
        TypeClass::Json | TypeClass::Bytes => unreachable!("documents have no fields"),
    };
    if field.count > 1 {
        kind = format!("[{kind}; {}]", field.count);
    }
    if field.optional {
        kind = format!("Option<{kind}>");
    }
    kind
}

fn attributes(field: &Field) -> Vec<String> {
    let mut attributes = Vec::new();
    let details = &field.details;
    for (name, text) in [("unit", &field.unit), ("label", &details.label)] {
        if !text.is_empty() {
            attributes.push(format!("{name} = {text:?}"));
        }
    }
    if !is_plain(&details.description) {
        attributes.push(format!("description = {:?}", details.description));
    }
    let limits = [
        ("min", &details.min),
        ("max", &details.max),
        ("default", &details.default),
    ];
    for (name, limit) in limits {
        if let Some(limit) = limit {
            attributes.push(format!("{name} = {}", value(limit)));
        }
    }
    attributes
}

fn value(value: &Value) -> String {
    match value {
        Value::F32(value) => format!("{value:?}"),
        Value::Float(value) => format!("{value:?}"),
        Value::Int(_) | Value::UInt(_) => grouped(&value.to_string()),
        Value::Text(text) => format!("{text:?}"),
        Value::List(values) => {
            let values: Vec<_> = values.iter().map(self::value).collect();
            format!("[{}]", values.join(", "))
        }
        value => value.to_string(),
    }
}

/// Digits in threes, if they are many.
fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.split_at(usize::from(digits.starts_with('-')));
    let mut grouped = sign.to_owned();
    for (index, digit) in digits.char_indices() {
        if index > 0 && digits.len() > 4 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_description_is_an_example() {
        for description in [
            "```",
            "`````\nrun()\n`````",
            "~~~~\nrun()",
            "a\n\n    run()",
            "-     run()",
            "a\n\n\trun()",
            "> ```\n> run()\n> ```",
        ] {
            let mut text = String::new();
            documentation(&mut text, "", description);
            let is_code = |line: &str| {
                let line = line.strip_prefix("///").expect(description);
                ["```", "~~~", "     ", "\t"]
                    .iter()
                    .any(|code| line.contains(code))
            };
            assert!(!text.lines().any(is_code), "{text}");
            assert!(!is_plain(description), "{description}");
        }
        for description in ["From poll to poll", "`pegel keep` - and *others*, [too]"] {
            assert!(is_plain(description), "{description}");
        }
    }

    #[test]
    fn long_numbers_are_grouped() {
        let numbers = [
            "7",
            "-1000",
            "65_535",
            "-100_000",
            "18_446_744_073_709_551_615",
        ];
        for text in numbers {
            assert_eq!(grouped(&text.replace('_', "")), text);
        }
    }
}
