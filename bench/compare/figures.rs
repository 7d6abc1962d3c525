//! The figures: one number a round, for each peer of each measure.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::json;

/// All figures of a run.
#[derive(Default)]
pub struct Figures {
    order: Vec<Key>,
    rounds: BTreeMap<Key, (&'static str, Vec<f64>, String)>,
}

type Key = (&'static str, Option<usize>, &'static str);

impl Figures {
    /// Adds a round's figure of a peer in a measure with records of this size.
    pub fn add(
        &mut self,
        measure: &'static str,
        size: impl Into<Option<usize>>,
        peer: &'static str,
        unit: &'static str,
        figure: f64,
    ) {
        let key = (measure, size.into(), peer);
        let (_, rounds, _) = self.rounds.entry(key).or_insert_with(|| {
            self.order.push(key);
            (unit, Vec::new(), String::new())
        });
        rounds.push(figure);
    }

    /// Adds a note on a peer's figures.
    pub fn note(&mut self, measure: &'static str, size: usize, peer: &'static str, note: String) {
        if let Some((.., own)) = self.rounds.get_mut(&(measure, Some(size), peer)) {
            *own = note;
        }
    }

    /// The median of a peer's rounds.
    pub fn median(&self, measure: &'static str, size: usize, peer: &'static str) -> f64 {
        let mut rounds = self.rounds[&(measure, Some(size), peer)].1.clone();
        rounds.sort_unstable_by(f64::total_cmp);
        rounds[rounds.len() / 2]
    }

    /// Writes the figures, one JSON object a line.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        let mut file = BufWriter::new(File::create(path)?);
        let locked: BTreeMap<_, _> = include_str!("../../Cargo.lock")
            .split("[[package]]")
            .filter_map(|package| {
                let value = |key: &str| {
                    let line = package.lines().find_map(|line| line.strip_prefix(key));
                    line.map(|line| line.trim_matches('"').to_owned())
                };
                Some((value("name = ")?, value("version = ")?))
            })
            .filter(|(name, _)| VERSIONS.contains(&name.as_str()))
            .collect();
        writeln!(file, "{}", json!({ "versions": locked }))?;
        for key in &self.order {
            let (measure, size, peer) = key;
            let (unit, rounds, note) = &self.rounds[key];
            let figure = json!({
                "measure": measure,
                "size": size,
                "peer": peer,
                "unit": unit,
                "rounds": rounds,
                "note": note,
            });
            writeln!(file, "{figure}")?;
        }
        file.flush()
    }
}

/// The packages whose versions matter.
const VERSIONS: [&str; 5] = ["iceoryx2", "mmap-sync", "seqlock", "rusqlite", "pegel"];
