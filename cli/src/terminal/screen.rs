//! A few lines of a terminal that are drawn again and again. An interrupted program leaves nothing
//! to restore: it uses neither another screen nor a hidden cursor.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use terminal_size::{Height, Width, terminal_size};

/// How a piece of a line looks.
#[derive(Clone, Copy, PartialEq)]
pub enum Look {
    Plain,
    Heading,
    /// A value that has just changed.
    Fresh,
    /// A problem.
    Bad,
}

impl Look {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Heading => Style::new().dimmed(),
            Self::Fresh => Style::new().bold().fg_color(Some(AnsiColor::Yellow.into())),
            Self::Bad => Style::new().fg_color(Some(AnsiColor::Red.into())),
        }
    }
}

/// A line, in pieces.
pub type Line = Vec<(Look, String)>;

/// Where the lines are drawn.
pub struct Screen {
    drawn: usize,
}

impl Screen {
    /// The terminal on standard output, if there is one.
    pub fn new() -> Option<Self> {
        io::stdout().is_terminal().then_some(Self { drawn: 0 })
    }

    /// Whether it shows colours: not if `NO_COLOR` is set.
    pub fn has_colours() -> bool {
        AutoStream::choice(&io::stdout()) != ColorChoice::Never
    }

    /// Draws lines over the previous ones, cut to the size of the terminal.
    pub fn draw(&mut self, lines: &[Line]) -> io::Result<()> {
        let (Width(width), Height(height)) = terminal_size().unwrap_or((Width(80), Height(24)));
        // The cursor has a line of its own.
        let room = usize::from(height).saturating_sub(1).max(1);
        let mut text = String::new();
        if self.drawn > 0 {
            let _ = write!(text, "\x1b[{}A", self.drawn);
        }
        let fits = lines.len() <= room;
        let shown = if fits { lines.len() } else { room - 1 };
        for line in &lines[..shown] {
            let mut left = usize::from(width);
            for (look, piece) in line {
                let piece: String = piece.chars().take(left).collect();
                left -= piece.chars().count();
                let style = look.style();
                let _ = write!(text, "{style}{piece}{style:#}");
            }
            text += "\x1b[K\n";
        }
        if !fits {
            let _ = writeln!(text, "... and {} more\x1b[K", lines.len() - shown);
        }
        text += "\x1b[J";
        self.drawn = shown + usize::from(!fits);
        let mut out = io::stdout().lock();
        if Self::has_colours() {
            out.write_all(text.as_bytes())?;
        } else {
            // Without the colours, and with what moves the cursor.
            out.write_all(plain(&text).as_bytes())?;
        }
        out.flush()
    }
}

/// A text without the sequences that colour it, which end in `m`.
fn plain(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(|c: char| c.is_ascii_alphabetic()) {
            Some((number, rest)) if part[number.len()..].starts_with('m') => plain += rest,
            _ => {
                plain += "\x1b[";
                plain += part;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_colours_are_left_out() {
        let text = "a\x1b[1m\x1b[33mb\x1b[0m\x1b[K\n\x1b[2A\x1b[J";
        assert_eq!(plain(text), "ab\x1b[K\n\x1b[2A\x1b[J");
    }
}
