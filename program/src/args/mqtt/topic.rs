//! Topics on the command line.

use std::fmt;
use std::str::FromStr;

/// Of the 65,535 bytes that a topic may have, what stays for what is below this one.
const LONGEST: usize = 60_000;

/// A topic without wildcards, to which others are added.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(String);

impl Topic {
    /// The topic NAME below this one.
    pub fn below(&self, name: &str) -> String {
        format!("{}/{name}", self.0)
    }
}

impl FromStr for Topic {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let levels = text.split('/');
        let is_right = text.len() <= LONGEST
            && !text.starts_with('$')
            && !text.contains(|letter: char| matches!(letter, '+' | '#') || letter.is_control())
            && levels.into_iter().all(|level| !level.is_empty());
        if is_right {
            Ok(Self(text.to_owned()))
        } else {
            Err("write names with / between them and no + or #, such as pegel/station".to_owned())
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// A remote board to mirror: TOPIC[=NAME].
#[derive(Clone, Debug)]
pub struct Source {
    /// The PREFIX/BOARD where the other bridge publishes it.
    pub topic: Topic,
    /// The name of the mirror: NAME, else the last level of the topic.
    pub board: String,
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (topic, name) = match text.split_once('=') {
            Some((topic, name)) => (topic, Some(name)),
            None => (text, None),
        };
        let last = topic.rsplit('/').next().unwrap_or(topic);
        Ok(Self {
            board: name.unwrap_or(last).to_owned(),
            topic: topic.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_plain() {
        for text in ["pegel", "pegel/station 1/größe"] {
            assert!(text.parse::<Topic>().is_ok(), "{text}");
        }
        for text in ["", "/", "a/", "/a", "a//b", "a/#", "+/a", "$SYS/a", "a\0b"] {
            assert!(text.parse::<Topic>().is_err(), "{text}");
        }
    }

    #[test]
    fn mirrors_have_names() {
        let source: Source = "pegel/north/inverter".parse().expect("a source");
        assert_eq!(source.board, "inverter");
        let source: Source = "pegel/north/inverter=north".parse().expect("a source");
        assert_eq!(
            (source.board.as_str(), source.topic.to_string().as_str()),
            ("north", "pegel/north/inverter")
        );
    }
}
