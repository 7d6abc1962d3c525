//! Text of boards for terminals, editors and compilers, without the characters that they would
//! obey.

use std::fmt::Write;

/// Whether a character changes how others are shown, instead of being shown: control characters
/// (C0, DEL and C1), line and paragraph separators, and marks, embeddings, overrides and isolates
/// of a direction of writing.
pub fn is_control(character: char) -> bool {
    let is_directional = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    character.is_control() || is_directional
}

/// The text on one line, with its control characters escaped.
pub fn line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if is_control(character) {
            let _ = write!(line, "{}", character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// As [`line()`], but the text keeps its line breaks.
pub fn lines(text: &str) -> String {
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Valid JSON with the control characters escaped that JSON allows in its strings.
pub fn json(text: &str) -> String {
    let mut json = String::with_capacity(text.len());
    for character in text.chars() {
        // Below are the line breaks between values, and nothing else.
        if character >= '\x7f' && is_control(character) {
            let _ = write!(json, "\\u{:04x}", u32::from(character));
        } else {
            json.push(character);
        }
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(line("a\x1b[2Jb\nc"), "a\\u{1b}[2Jb\\nc");
        assert_eq!(lines("a\tb\nç"), "a\\tb\nç");
        assert_eq!(
            line("\u{9b}\x7f\u{202e}\u{2066}\u{2028}"),
            "\\u{9b}\\u{7f}\\u{202e}\\u{2066}\\u{2028}"
        );
    }

    #[test]
    fn escaped_json_has_the_same_value() {
        let text = "{\n\"a\": \"\u{9b}\x7f\u{202e}ä\"\n}";
        let escaped = json(text);
        assert_eq!(escaped, "{\n\"a\": \"\\u009b\\u007f\\u202eä\"\n}");
        let value = |text| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&escaped), value(text));
    }
}
