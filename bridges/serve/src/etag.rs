//! Conditions of requests. An entity tag is the lineage of a board, its schema and a sequence: a
//! board that was removed and created again has another lineage; one that was replaced keeps its
//! records, and has another schema.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use pegel::dynamic::Reader;

use super::problem::{Problem, Result};

/// A state of a board.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tag {
    lineage: u64,
    schema: u64,
    /// 0: nothing was published yet.
    pub sequence: u64,
}

impl Tag {
    pub fn of(reader: &Reader, sequence: u64) -> Self {
        Self {
            lineage: reader.lineage(),
            schema: reader.schema().hash(),
            sequence,
        }
    }

    /// The text between the quotes, and the id of an event.
    pub fn id(self) -> String {
        let Self {
            lineage,
            schema,
            sequence,
        } = self;
        format!("{lineage:016x}-{schema:016x}-{sequence}")
    }

    pub fn header(self) -> HeaderValue {
        let tag = format!("\"{}\"", self.id());
        HeaderValue::try_from(tag).expect("digits, quotes and a hyphen may stand in headers")
    }
}

/// If-Match and If-None-Match (RFC 9110, section 13).
pub struct Conditions {
    is_match: Option<Tags>,
    is_none_match: Option<Tags>,
}

enum Tags {
    Any,
    /// Whether each is weak, and the text between its quotes.
    These(Vec<(bool, String)>),
}

impl Conditions {
    pub fn of(headers: &HeaderMap) -> Result<Self> {
        Ok(Self {
            is_match: tags(headers, &header::IF_MATCH)?,
            is_none_match: tags(headers, &header::IF_NONE_MATCH)?,
        })
    }

    /// Whether the client has this state already.
    pub fn knows(&self, tag: Tag) -> bool {
        let tags = self.is_none_match.as_ref();
        tags.is_some_and(|tags| tags.has(tag, true))
    }

    /// Fails if the board is in another state than the client expects.
    pub fn check(&self, tag: Tag) -> Result<()> {
        let is_lost = self
            .is_match
            .as_ref()
            .is_some_and(|tags| !tags.has(tag, false));
        if !is_lost && !self.knows(tag) {
            return Ok(());
        }
        let detail = format!(
            "the sequence is now {}, and the ETag \"{}\": someone else published. Read the board \
             again and retry",
            tag.sequence,
            tag.id()
        );
        let problem = Problem::new(StatusCode::PRECONDITION_FAILED, detail);
        Err(problem.with_sequence(tag.sequence))
    }
}

impl Tags {
    fn has(&self, tag: Tag, may_be_weak: bool) -> bool {
        match self {
            // A board without a record has no representation.
            Self::Any => tag.sequence > 0,
            Self::These(tags) => {
                let id = tag.id();
                tags.iter()
                    .any(|(is_weak, known)| *known == id && (may_be_weak || !is_weak))
            }
        }
    }
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>> {
    let mut tags = Vec::new();
    for value in headers.get_all(name) {
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Some(Tags::Any));
        }
        let parts = text.split(',').map(str::trim);
        for part in parts.filter(|part| !part.is_empty()) {
            let (is_weak, quoted) = match part.strip_prefix("W/") {
                Some(rest) => (true, rest),
                None => (false, part),
            };
            let inner = quoted
                .strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'));
            let Some(inner) = inner else {
                let detail = format!(
                    "{name}: {part:?} is not an entity tag; send the ETag of a response, with its \
                     quotes"
                );
                return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
            };
            tags.push((is_weak, inner.to_owned()));
        }
    }
    if tags.is_empty() && headers.contains_key(name) {
        let detail = format!(
            "{name}: the header has no entity tag; send the ETag of a response, or omit the header"
        );
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
    }
    Ok((!tags.is_empty()).then_some(Tags::These(tags)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Tag = Tag {
        lineage: 0xab,
        schema: 0xcd,
        sequence: 7,
    };

    fn conditions(name: HeaderName, value: &'static str) -> Conditions {
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
        Conditions::of(&headers).unwrap_or_else(|_| panic!("{value} is well"))
    }

    #[test]
    fn only_the_same_state_matches() {
        let is_met = |value| conditions(header::IF_MATCH, value).check(NOW).is_ok();
        assert!(is_met("\"00000000000000ab-00000000000000cd-7\""));
        assert!(is_met("\"other\", \"00000000000000ab-00000000000000cd-7\""));
        assert!(is_met("*"));
        assert!(!is_met("\"00000000000000ab-00000000000000cd-6\""));
        assert!(!is_met("\"00000000000000ac-00000000000000cd-7\""));
        assert!(!is_met("\"00000000000000ab-00000000000000ce-7\""));
        // A weak tag never matches strongly.
        assert!(!is_met("W/\"00000000000000ab-00000000000000cd-7\""));
    }

    #[test]
    fn knows_only_the_same_state() {
        let knows = |value| conditions(header::IF_NONE_MATCH, value).knows(NOW);
        assert!(knows("W/\"00000000000000ab-00000000000000cd-7\""));
        assert!(knows("*"));
        assert!(!knows("\"00000000000000ab-00000000000000cd-8\""));
        let empty = Tag { sequence: 0, ..NOW };
        assert!(!conditions(header::IF_NONE_MATCH, "*").knows(empty));
    }

    #[test]
    fn rejects_what_is_not_a_tag() {
        for value in ["7", "\"7", ""] {
            let headers =
                HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_static(value))]);
            assert!(Conditions::of(&headers).is_err(), "{value:?}");
        }
    }
}
