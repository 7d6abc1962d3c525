//! A board's record in C, and in C++.

use std::fmt::Write;

use pegel::{Field, Schema, Type};
use pegel_program::escape;

use super::{comment, one_line, words};

/// Valid names of fields that a member of a struct cannot have in C or C++.
const KEYWORDS: &str = "alignas alignof and and_eq asm auto bitand bitor bool break case catch \
    char char16_t char32_t class compl const const_cast constexpr continue decltype default \
    delete do double dynamic_cast else enum explicit export extern false float for friend goto \
    if inline int long mutable namespace new noexcept not not_eq nullptr operator or or_eq \
    private protected public register reinterpret_cast restrict return short signed sizeof \
    static static_assert static_cast struct switch template this thread_local throw true try \
    typedef typeid typename union unsigned using virtual void volatile wchar_t while xor xor_eq";

/// The header of a board.
pub fn header(board: &str, schema: &Schema) -> String {
    let name = words(board).collect::<Vec<_>>().join("_");
    let name = if name.starts_with(|c: char| c.is_ascii_digit()) || is_keyword(&name) {
        format!("board_{name}")
    } else {
        name
    };
    let prefix = name.to_ascii_uppercase();
    let mut text = format!("// Board {board}, as `pegel gen c {board}` prints it.\n");
    if !schema.description().is_empty() {
        let _ = writeln!(text, "// {}", one_line(schema.description()));
    }
    let _ = write!(
        text,
        "\n#ifndef {prefix}_H\n#define {prefix}_H\n\n#include <pegel.h>\n#include <stddef.h>\n\
         #include <stdint.h>\n"
    );
    if schema.document().is_some() {
        let capacity = schema.record_size();
        let _ = write!(
            text,
            "\n// Bytes of the longest document.\n#define {prefix}_CAPACITY {capacity}\n"
        );
    } else {
        record(&mut text, &name, &prefix, schema);
    }
    table(&mut text, &prefix, schema);
    let _ = write!(
        text,
        "\n// For pegel_options and pegel_reader_open_as().\n\
         static const char {prefix}_DETAILS[] =\n    {};\n\n#endif\n",
        literal(schema.details())
    );
    text
}

fn record(text: &mut String, name: &str, prefix: &str, schema: &Schema) {
    let _ = writeln!(text, "\ntypedef struct {{");
    for field in schema.fields() {
        let about = comment(field);
        if !about.is_empty() {
            let _ = writeln!(text, "  // {about}");
        }
        let text_size = if field.kind == Type::Text {
            format!("[{}]", field.size)
        } else {
            String::new()
        };
        let count = match field.count {
            1 => String::new(),
            count => format!("[{count}]"),
        };
        let (kind, member) = (c_type(field.kind), member(field));
        let _ = writeln!(text, "  {kind} {member}{count}{text_size};");
    }
    let _ = writeln!(text, "}} {name};");
    let optional = schema.fields().iter().filter(|field| field.optional);
    for (bit, field) in optional.enumerate() {
        if bit == 0 {
            let _ = writeln!(
                text,
                "\n// Bits of optional fields in pegel_stamp.present and \
                 pegel_publish_options.present:\n// set if the field is known."
            );
        }
        let upper = field.name.to_ascii_uppercase();
        let _ = writeln!(text, "#define {prefix}_HAS_{upper} (UINT64_C(1) << {bit})");
    }
    let _ = writeln!(
        text,
        "\n// The compiler refuses a struct that is not the board's."
    );
    let assert = |what: &str, condition: &str| {
        format!("typedef char {name}_{what}[({condition}) ? 1 : -1];\n")
    };
    let size = schema.record_size();
    text.push_str(&assert(
        "has_its_size",
        &format!("sizeof({name}) == {size}"),
    ));
    for field in schema.fields() {
        let (member, offset) = (member(field), field.offset);
        let condition = format!("offsetof({name}, {member}) == {offset}");
        text.push_str(&assert(&format!("has_{}_in_place", field.name), &condition));
    }
}

fn table(text: &mut String, prefix: &str, schema: &Schema) {
    let count = schema.fields().len();
    let _ = write!(
        text,
        "\n#define {prefix}_FIELD_COUNT {count}\n\
         static const pegel_field {prefix}_FIELDS[{prefix}_FIELD_COUNT] = {{\n"
    );
    for field in schema.fields() {
        let Field {
            name,
            unit,
            kind,
            size,
            count,
            offset,
            optional,
            ..
        } = field;
        let kind = kind.name().to_ascii_uppercase();
        let optional = if *optional { " | PEGEL_OPTIONAL" } else { "" };
        let unit = literal(unit);
        let _ = writeln!(
            text,
            "    {{\"{name}\", {unit}, PEGEL_{kind}{optional}, {size}, {count}, {offset}}},"
        );
    }
    text.push_str("};\n");
}

fn c_type(kind: Type) -> &'static str {
    match kind {
        // Not bool: a byte that is neither 0 nor 1 would be undefined in one.
        Type::Bool | Type::U8 => "uint8_t",
        Type::I8 => "int8_t",
        Type::I16 => "int16_t",
        Type::U16 => "uint16_t",
        Type::I32 => "int32_t",
        Type::U32 => "uint32_t",
        Type::I64 => "int64_t",
        Type::U64 => "uint64_t",
        Type::F32 => "float",
        Type::F64 => "double",
        Type::Text | Type::Json | Type::Bytes => "char",
    }
}

fn member(field: &Field) -> String {
    let name = &field.name;
    if is_keyword(name) {
        format!("{name}_")
    } else {
        name.clone()
    }
}

fn is_keyword(name: &str) -> bool {
    KEYWORDS.split_ascii_whitespace().any(|word| word == name)
}

/// A string literal; `?` is escaped, as `??=` would be another character.
fn literal(text: &str) -> String {
    let mut literal = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' | '?' => {
                literal.push('\\');
                literal.push(c);
            }
            c if escape::is_control(c) => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(literal, "\\{byte:03o}");
                }
            }
            c => literal.push(c),
        }
    }
    literal.push('"');
    literal
}
