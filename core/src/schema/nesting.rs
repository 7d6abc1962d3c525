//! Limits how deep a JSON document may be nested, so that every language can read it.

use crate::error::{Error, ErrorKind, Result};

/// The maximum levels of arrays and objects: the parsers of the programs recurse.
pub const MAX_NESTING: usize = 127;

/// `INVALID_ARGUMENT` for a document that is nested deeper. Does not check that it is valid JSON.
pub fn check(document: &[u8]) -> Result<()> {
    let openers = document.iter().filter(|byte| is_opener(**byte)).count();
    // Most documents have too few brackets, and counting is far faster than following them.
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
