use std::io::{self, Write};

use clap::{Args, ValueEnum};

use crate::failure::{Failure, Result};
use crate::place::Place;
use crate::{gen_c, gen_python};

const MORE: &str = "\
c: a header with a struct, its table of fields for pegel_writer_create() and
pegel_reader_open_as(), bits for what may be unknown, and checks by the compiler
that the struct stands in memory as the board has it (C99 and later, C++17).

python: a module with a class for pegel.Writer(NAME, CLASS) and
snapshot.as_record(CLASS), which type checkers understand.

Examples:
  pegel gen c tank > tank.h
  pegel gen python tank > tank.py";

/// Print a board's record as a type of a language
#[derive(Args)]
#[command(after_help = MORE)]
pub struct Gen {
    /// The language
    #[arg(value_enum)]
    language: Language,
    /// Board: NAME or DIRECTORY/NAME
    name: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    C,
    Python,
}

impl Gen {
    pub fn run(self, place: &Place) -> Result<()> {
        let reader = place.reader(&self.name)?;
        let (board, schema) = (reader.board(), reader.schema());
        let written = match self.language {
            Language::C => Ok(gen_c::header(board, schema)),
            Language::Python => gen_python::module(board, schema),
        };
        let text = written.map_err(|reason| Failure::Failed(format!("board {board}: {reason}")))?;
        Ok(write!(io::stdout(), "{text}")?)
    }
}

/// The words of a board's name.
pub fn words(board: &str) -> impl Iterator<Item = &str> {
    board
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
}

/// What people are told of a field, on one line.
pub fn comment(field: &pegel::Field) -> String {
    let parts = [&field.details.label, &field.details.description];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    let mut text = parts.map(String::as_str).collect::<Vec<_>>().join(": ");
    if !field.unit.is_empty() {
        text = format!("{text} [{}]", field.unit);
    }
    one_line(&text)
}

/// A text without what could end a comment, or be another character to the compiler.
pub fn one_line(text: &str) -> String {
    let clean = |c: char| if c.is_control() || c == '\\' { ' ' } else { c };
    let mut line: String = text.trim().chars().map(clean).collect();
    while line.contains("??") {
        line = line.replace("??", "? ?");
    }
    line
}
