//! A board's record in PHP.

use std::fmt::Write;

use pegel::{Field, Schema, Type, Value};
use pegel_program::escape;

use super::{class_name, comment};

/// Names that a class cannot have, in any case, and the two that the file needs itself.
const TAKEN: &str = "abstract and array as bool break callable case catch class clone const \
    continue declare default die do echo else elseif empty enddeclare endfor endforeach endif \
    endswitch endwhile enum eval exit extends false field final finally float fn for foreach \
    function global goto if implements include include_once instanceof insteadof int interface \
    isset iterable list match mixed namespace never new null object or parent print private \
    protected public readonly require require_once return self static string switch throw trait \
    true try type unset use var void while xor yield";
/// The longest attribute that is written on one line.
const WIDTH: usize = 112;

/// The file of a board's class; or why it cannot have one.
pub fn file(board: &str, schema: &Schema, namespace: Option<&str>) -> Result<String, String> {
    if let Some(kind) = schema.document() {
        return Err(format!(
            "it holds documents of {kind}, which need no class; see $snapshot->document"
        ));
    }
    let class = class_name(board);
    let is_taken = |word| class.eq_ignore_ascii_case(word);
    let class = if TAKEN.split_ascii_whitespace().any(is_taken) {
        format!("Board{class}")
    } else {
        class
    };
    let fields = schema.fields();
    if fields.iter().any(|field| field.name == "this") {
        return Err(
            "this cannot be a property of a class in PHP; read it as $snapshot['this']".to_owned(),
        );
    }
    let mut text = format!(
        "<?php\n\n// Board {board}, as `pegel gen php {board}` prints it.\n\n\
         declare(strict_types=1);\n\n"
    );
    if let Some(namespace) = namespace {
        let _ = writeln!(text, "namespace {namespace};\n");
    }
    let imports = if fields.iter().any(|field| written_type(field).is_some()) {
        "{Field, Type}"
    } else {
        "Field"
    };
    let _ = writeln!(text, "use Pegel\\{imports};\n");
    if !schema.description().is_empty() {
        let _ = writeln!(text, "/** {} */", clean(schema.description()));
    }
    let _ = writeln!(
        text,
        "final class {class}\n{{\n    public function __construct("
    );
    // PHP requires optional arguments behind all others.
    let may_be_left_out = |field: &Field| field.optional || field.details.default.is_some();
    let required = fields.iter().rposition(|field| !may_be_left_out(field));
    for (index, field) in fields.iter().enumerate() {
        let is_last_part = required.is_none_or(|required| index > required);
        property(&mut text, field, is_last_part);
    }
    text.push_str("    ) {\n    }\n}\n");
    Ok(text)
}

fn property(text: &mut String, field: &Field, has_default: bool) {
    let (element, name) = (element(field.kind), &field.name);
    let comment_text = clean(&comment(field));
    let comment_text = if field.count > 1 {
        let or_null = if field.optional { "|null" } else { "" };
        format!("@var list<{element}>{or_null} {comment_text}")
    } else {
        comment_text
    };
    if !comment_text.is_empty() {
        let _ = writeln!(text, "        /** {} */", comment_text.trim_end());
    }
    let arguments = arguments(field, has_default);
    let line = format!("        #[Field({})]", arguments.join(", "));
    if arguments.is_empty() {
        text.push_str("        #[Field]\n");
    } else if line.chars().count() <= WIDTH {
        let _ = writeln!(text, "{line}");
    } else {
        text.push_str("        #[Field(\n");
        for argument in arguments {
            let _ = writeln!(text, "            {argument},");
        }
        text.push_str("        )]\n");
    }
    let hint = match (field.count > 1, field.optional) {
        (true, false) => "array".to_owned(),
        (true, true) => "?array".to_owned(),
        (false, false) => element.to_owned(),
        (false, true) if element.contains('|') => format!("{element}|null"),
        (false, true) => format!("?{element}"),
    };
    let default = match &field.details.default {
        Some(default) if has_default => format!(" = {}", value(default)),
        None if has_default => " = null".to_owned(),
        _ => String::new(),
    };
    let _ = writeln!(text, "        public readonly {hint} ${name}{default},");
}

fn element(kind: Type) -> &'static str {
    match kind {
        Type::Bool => "bool",
        Type::F32 | Type::F64 => "float",
        Type::Text => "string",
        Type::U64 => "int|string",
        Type::I8 | Type::U8 | Type::I16 | Type::U16 | Type::I32 | Type::U32 | Type::I64 => "int",
        Type::Json | Type::Bytes => unreachable!("documents have no fields"),
    }
}

/// The type of a field that does not follow from its property.
fn written_type(field: &Field) -> Option<String> {
    // These follow from PHP's own types.
    let is_implied = [Type::Bool, Type::I64, Type::F64, Type::Text].contains(&field.kind);
    (!is_implied || field.count > 1).then(|| {
        let name = field.kind.name();
        format!("Type::{}{}", name[..1].to_ascii_uppercase(), &name[1..])
    })
}

fn arguments(field: &Field, has_default: bool) -> Vec<String> {
    let details = &field.details;
    let mut arguments: Vec<String> = written_type(field).into_iter().collect();
    let mut say = |name: &str, value: String| arguments.push(format!("{name}: {value}"));
    if field.kind == Type::Text {
        say("size", field.size.to_string());
    }
    if !field.unit.is_empty() {
        say("unit", string(&field.unit));
    }
    if field.count > 1 {
        say("count", field.count.to_string());
    }
    if let Some(default) = details.default.as_ref().filter(|_| !has_default) {
        say("default", value(default));
    }
    for (name, limit) in [("min", &details.min), ("max", &details.max)] {
        if let Some(limit) = limit {
            say(name, value(limit));
        }
    }
    for (name, text) in [
        ("label", &details.label),
        ("description", &details.description),
    ] {
        if !text.is_empty() {
            say(name, string(text));
        }
    }
    arguments
}

fn value(value: &Value) -> String {
    match value {
        Value::F32(value) => format!("{value:?}"),
        Value::Float(value) => format!("{value:?}"),
        // PHP has no integers beyond, and would read the least one as a float.
        Value::UInt(value) if i64::try_from(*value).is_err() => format!("'{value}'"),
        Value::Int(i64::MIN) => "PHP_INT_MIN".to_owned(),
        Value::Text(text) => string(text),
        Value::List(values) => {
            let values: Vec<_> = values.iter().map(self::value).collect();
            format!("[{}]", values.join(", "))
        }
        value => value.to_string(),
    }
}

/// A string as PHP writes it.
fn string(text: &str) -> String {
    if !text.contains(escape::is_control) {
        return format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' | '$' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c if escape::is_control(c) => {
                let _ = write!(quoted, "\\u{{{:x}}}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// The text without what would end the comment, or be a tag or an annotation in it.
fn clean(text: &str) -> String {
    let text = super::one_line(text).replace("*/", "* /");
    let mut clean = String::new();
    for c in text.chars() {
        if clean.ends_with('@') && (c.is_alphabetic() || c == '_') {
            clean.push(' ');
        }
        clean.push(c);
    }
    clean
}
