//! Cuts bytes into lines, which end with LF, CR, or both.

/// How many lines were good, bad or lost.
#[derive(Default)]
pub struct Tally {
    /// Lines of complete records, with or without fields.
    pub good: u64,
    /// Lines that are not of the format, or of an incomplete record.
    pub bad: u64,
    /// Lines that are too long, cut, or of a record whose beginning or end is missing.
    pub lost: u64,
    /// Why the last bad line was bad.
    pub reason: Option<String>,
}

/// Cuts bytes into lines.
pub struct Framer {
    line: Vec<u8>,
    max_line: usize,
    /// The rest of the line is skipped, because the line is too long.
    skips: bool,
    /// The previous byte, if it was a line end: the other one of a pair does not end a second line.
    end: Option<u8>,
}

impl Framer {
    pub fn new(max_line: usize) -> Self {
        Self {
            line: Vec::new(),
            max_line,
            skips: false,
            end: None,
        }
    }

    /// Takes bytes, and calls `line` with each line that they end.
    pub fn take(
        &mut self,
        bytes: &[u8],
        tally: &mut Tally,
        mut line: impl FnMut(&[u8], &mut Tally),
    ) {
        for part in bytes.split_inclusive(|byte| is_end(*byte)) {
            let (part, end) = match part {
                [part @ .., end] if is_end(*end) => (part, Some(*end)),
                part => (part, None),
            };
            let before = self.end.take();
            if part.is_empty() && before.is_some() && before != end {
                continue;
            }
            if self.line.len() + part.len() > self.max_line {
                self.skips = true;
                self.line.clear();
            }
            if !self.skips {
                self.line.extend_from_slice(part);
            }
            if end.is_some() {
                if self.skips {
                    tally.lost += 1;
                } else {
                    line(&self.line, tally);
                }
                self.skips = false;
                self.line.clear();
                self.end = end;
            }
        }
    }

    /// Discards the line that has begun, as the connection is lost.
    pub fn cut(&mut self, tally: &mut Tally) {
        tally.lost += u64::from(!self.line.is_empty() || self.skips);
        self.line.clear();
        self.skips = false;
        self.end = None;
    }
}

fn is_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&str]) -> Vec<String> {
        let (mut framer, mut lines) = (Framer::new(8), Vec::new());
        for chunk in chunks {
            framer.take(chunk.as_bytes(), &mut Tally::default(), |line, _| {
                lines.push(String::from_utf8_lossy(line).into_owned());
            });
        }
        lines
    }

    #[test]
    fn takes_every_line_end() {
        for chunks in [
            &["a\nb\n"][..],
            &["a\rb\r"],
            &["a\r\nb\r\n"],
            &["a\n\rb\n\r"],
            &["a\r", "\nb", "\r", "\n"],
        ] {
            assert_eq!(lines(chunks), ["a", "b"], "{chunks:?}");
        }
        assert_eq!(lines(&["a\r\n\r\nb\n"]), ["a", "", "b"]);
        assert_eq!(lines(&["a\n\nb\r\r"]), ["a", "", "b", ""]);
        assert_eq!(lines(&["123456789\rb\r"]), ["b"]);
    }
}
