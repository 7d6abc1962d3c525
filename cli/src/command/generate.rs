//! `pegel gen`: a board's record as a type of a language.

mod c;
mod php;
mod python;
mod rust;

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use pegel_program::escape;
use pegel_program::failure::{Failure, Result};
use pegel_program::target::Target;

const MORE: &str = "\
c: a header with a struct, its table of fields for pegel_writer_create() and
pegel_reader_open_as(), bits for optional fields, and compile-time checks that
the struct has the board's layout (C99 and later, C++17).

php: a class whose properties have the attribute #[Pegel\\Field], for
Schema::ofClass(), $snapshot->to() and $writer->publish() (PHP 8.1 and later).

python: a module with a class for pegel.Writer(NAME, CLASS) and
snapshot.as_record(CLASS), which type checkers understand.

rust: a struct that derives pegel::Record, for pegel::Writer::<STRUCT> and
pegel::Reader::<STRUCT>.

Examples:
  pegel gen c tank > tank.h
  pegel gen php tank --namespace 'App\\Boards' > src/Boards/Tank.php
  pegel gen python tank > tank.py";

/// Print a board's record as a type of a language
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Generate {
    /// Language of the type
    #[arg(value_enum)]
    language: Language,
    /// Board: NAME or DIRECTORY/NAME
    name: String,
    /// Namespace of the PHP class
    #[arg(long, value_name = "NAMESPACE", value_parser = namespace)]
    namespace: Option<String>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Language {
    C,
    Php,
    Python,
    Rust,
}

impl Generate {
    pub fn run(self, target: &Target) -> Result<()> {
        let namespace = self.namespace.as_deref();
        if namespace.is_some() && self.language != Language::Php {
            let reason = "--namespace is for php only";
            return Err(Failure::Usage(reason.to_owned()));
        }
        let reader = target.reader(&self.name)?;
        let (board, schema) = (reader.board(), reader.schema());
        let written = match self.language {
            Language::C => Ok(c::header(board, schema)),
            Language::Php => php::file(board, schema, namespace),
            Language::Python => python::module(board, schema),
            Language::Rust => rust::module(board, schema),
        };
        let text = written.map_err(|reason| Failure::Failed(format!("board {board}: {reason}")))?;
        Ok(write!(io::stdout(), "{text}")?)
    }
}

/// A namespace as PHP writes it, without a backslash at either end.
fn namespace(text: &str) -> std::result::Result<String, String> {
    let text = text.trim_matches('\\');
    let is_name = |part: &str| {
        let mut letters = part.chars();
        let is_first = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
        letters.next().is_some_and(is_first) && letters.all(|c| is_first(c) || c.is_ascii_digit())
    };
    if text.split('\\').all(is_name) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{text:?} is not a valid namespace such as App\\Boards"
        ))
    }
}

/// The name of a board's class.
pub fn class_name(board: &str) -> String {
    let capital = |word: &str| {
        let (first, rest) = word.split_at(1);
        first.to_ascii_uppercase() + rest
    };
    let class: String = words(board).map(capital).collect();
    if class.starts_with(|c: char| c.is_ascii_alphabetic()) {
        class
    } else {
        format!("Board{class}")
    }
}

/// The words of a board's name.
pub fn words(board: &str) -> impl Iterator<Item = &str> {
    board
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
}

/// The label, description and unit of a field on one line.
pub fn comment(field: &pegel::Field) -> String {
    let parts = [&field.details.label, &field.details.description];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    let mut text = parts.map(String::as_str).collect::<Vec<_>>().join(": ");
    if !field.unit.is_empty() {
        text = format!("{text} [{}]", field.unit);
    }
    one_line(&text)
}

/// A text without what could end a comment, or be another character to the compiler or an editor.
pub fn one_line(text: &str) -> String {
    let clean = |c: char| {
        if escape::is_control(c) || c == '\\' {
            ' '
        } else {
            c
        }
    };
    let mut line: String = text.trim().chars().map(clean).collect();
    while line.contains("??") {
        line = line.replace("??", "? ?");
    }
    line
}
