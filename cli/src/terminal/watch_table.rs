//! The table of `pegel watch` in a terminal.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use pegel::Type;
use pegel::dynamic::{Reader, Snapshot};
use pegel_program::failure::Result;
use pegel_program::{escape, json};

use crate::command::show::listed;
use crate::terminal::screen::{Line, Look, Screen};
use crate::time;

/// The number of values in a spark line.
const SPARKS: usize = 24;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The minimum interval between two changes of the table.
const REST: Duration = Duration::from_millis(200);

/// The state of the table of a board.
pub struct Table {
    screen: Screen,
    last: Option<Snapshot>,
    /// When it was read: its age grows since.
    read: Instant,
    /// The newest numbers of each field.
    history: Vec<VecDeque<f64>>,
    changed: Vec<bool>,
}

impl Table {
    pub fn new(screen: Screen) -> Self {
        Self {
            screen,
            last: None,
            read: Instant::now(),
            history: Vec::new(),
            changed: Vec::new(),
        }
    }

    /// Shows a new record, and sleeps a little.
    pub fn show(&mut self, reader: &Reader, snapshot: Snapshot) -> Result<()> {
        let values = snapshot.values();
        let before = self.last.as_ref().map(|last| last.values());
        let is_same = |index: usize| {
            before
                .as_ref()
                .is_some_and(|before| before.get(index) == values.get(index))
        };
        self.changed = (0..values.len())
            .map(|index| before.is_some() && !is_same(index))
            .collect();
        self.history.resize_with(values.len(), VecDeque::new);
        for ((_, value), history) in values.iter().zip(&mut self.history) {
            history.extend(value.number().filter(|number| number.is_finite()));
            if history.len() > SPARKS {
                history.pop_front();
            }
        }
        drop((values, before));
        self.last = Some(snapshot);
        self.read = Instant::now();
        self.draw(reader)?;
        std::thread::sleep(REST);
        Ok(())
    }

    /// Shows the same record, older.
    pub fn age(&mut self, reader: &Reader) -> Result<()> {
        self.changed.fill(false);
        self.draw(reader)
    }

    fn draw(&mut self, reader: &Reader) -> Result<()> {
        let mut lines = vec![self.heading(reader)?];
        if let Some(snapshot) = &self.last {
            match reader.schema().document() {
                Some(Type::Json) => {
                    let document = json::document(reader, snapshot)?;
                    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
                    let text = escape::json(&text);
                    lines.extend(
                        text.lines()
                            .map(|line| vec![(Look::Plain, line.to_owned())]),
                    );
                }
                Some(_) => {
                    let text = format!("{} bytes", snapshot.bytes().len());
                    lines.push(vec![(Look::Plain, text)]);
                }
                None => lines.extend(self.fields(reader, snapshot)),
            }
        }
        Ok(self.screen.draw(&lines)?)
    }

    fn heading(&self, reader: &Reader) -> Result<Line> {
        let board = escape::line(reader.board());
        let Some(snapshot) = &self.last else {
            return Ok(vec![(
                Look::Plain,
                format!("{board}: nothing has been published yet"),
            )]);
        };
        let mut stamp = *snapshot.stamp();
        let since = i64::try_from(self.read.elapsed().as_nanos()).unwrap_or(i64::MAX);
        // An unknown age stays so.
        stamp.age_ns = stamp.age_ns.saturating_add(since);
        let age = time::old(&stamp);
        let alive = reader.writer_alive()?;
        let writer = if alive {
            (Look::Plain, "writer alive")
        } else {
            (Look::Bad, "no writer")
        };
        let summary = format!("{board}: sequence {}, {age}, ", stamp.sequence);
        Ok(vec![
            (Look::Plain, summary),
            (writer.0, writer.1.to_owned()),
        ])
    }

    fn fields(&self, reader: &Reader, snapshot: &Snapshot) -> Vec<Line> {
        let fields = reader.schema().fields();
        let values: Vec<_> = snapshot
            .values()
            .into_iter()
            .map(|(_, value)| listed(&value))
            .collect();
        let widest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
        let name_width = widest(&mut fields.iter().map(|field| field.name.len()));
        let value_width = widest(&mut values.iter().map(|value| value.chars().count())).min(40);
        let unit_width = widest(&mut fields.iter().map(|field| field.unit.chars().count()));
        let has_colours = Screen::has_colours();
        let rows = fields
            .iter()
            .zip(values)
            .enumerate()
            .map(|(index, (field, value))| {
                let is_fresh = self.changed.get(index).copied().unwrap_or(false);
                let look = if is_fresh { Look::Fresh } else { Look::Plain };
                // A mark stands for the colour where a terminal has none.
                let mark = if is_fresh && !has_colours { '*' } else { ' ' };
                let unit = escape::line(&field.unit);
                let sparks = self.history.get(index).map(sparks).unwrap_or_default();
                vec![
                    (Look::Plain, format!("{mark} {:name_width$}  ", field.name)),
                    (look, format!("{value:>value_width$}")),
                    (Look::Heading, format!(" {unit:unit_width$}  ")),
                    (Look::Plain, sparks),
                ]
            });
        rows.collect()
    }
}

/// Numbers as bars, the least the lowest and the greatest the highest; empty if all are equal.
fn sparks(history: &VecDeque<f64>) -> String {
    let least = history.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = history.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if greatest.partial_cmp(&least) != Some(std::cmp::Ordering::Greater) {
        return String::new();
    }
    let bar = |number: &f64| {
        // Halves, as the difference of the two ends may be infinite.
        let share = (number / 2.0 - least / 2.0) / (greatest / 2.0 - least / 2.0);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 0 to 7
        BARS[(share * 7.0).round() as usize]
    };
    history.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_between_the_least_and_the_greatest() {
        let bars = |numbers: &[f64]| sparks(&numbers.iter().copied().collect());
        assert_eq!(bars(&[]), "");
        assert_eq!(bars(&[3.0, 3.0]), "");
        assert_eq!(bars(&[0.0, 1.0, 0.5, 7.0]), "▁▂▂█");
        assert_eq!(bars(&[f64::MIN, 0.0, f64::MAX]), "▁▅█");
    }
}
