//! How deep a JSON document may be nested: no deeper than each language reads.

use crate::error::{Error, ErrorKind, Result};

/// Levels of arrays and objects. Readers of the program and of the bridges recurse.
pub const MAX_NESTING: usize = 127;

/// `INVALID_ARGUMENT` for a document that is nested deeper. What is not valid JSON is not looked for.
pub fn check(document: &[u8]) -> Result<()> {
    let openers = document.iter().filter(|byte| is_opener(**byte)).count();
    // Most documents cannot be that deep, and counting is far faster than following them.
    if openers <= MAX_NESTING {
        return Ok(());
    }
    let depth = depth(document);
    if depth <= MAX_NESTING {
        return Ok(());
    }
    let message = format!(
        "the document is nested too deep: at most {MAX_NESTING} levels (got {depth}). Nest less."
    );
    Err(Error::new(ErrorKind::InvalidArgument, message))
}

fn is_opener(byte: u8) -> bool {
    matches!(byte, b'[' | b'{')
}

fn depth(document: &[u8]) -> usize {
    let (mut now, mut deepest) = (0_usize, 0);
    let mut is_text = false;
    let mut bytes = document.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'"' => is_text = !is_text,
            b'\\' if is_text => drop(bytes.next()),
            _ if is_text => {}
            b']' | b'}' => now = now.saturating_sub(1),
            _ if is_opener(byte) => {
                now += 1;
                deepest = deepest.max(now);
            }
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_levels_outside_of_texts() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        check(nested(127).as_bytes()).unwrap();
        let error = check(nested(128).as_bytes()).unwrap_err();
        assert!(error.to_string().contains("at most 127 levels (got 128)"));
        check(format!("[{}0]", "[{}],".repeat(500)).as_bytes()).unwrap();
        let text = format!(r#"{{"\"{}\\": "{}"}}"#, "[".repeat(500), "{".repeat(500));
        check(text.as_bytes()).unwrap();
        assert_eq!(depth(br#"]]{"a": [{"b": "\\"}, [], 1]}"#), 3);
    }
}
