//! The measured figures, read from their files.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use serde::Deserialize;
use serde_json::Value;

/// A peer's figures in one measure, one a round.
#[derive(Clone, Debug, Deserialize)]
pub struct Figure {
    pub measure: String,
    pub size: Option<usize>,
    pub peer: String,
    pub unit: String,
    pub rounds: Vec<f64>,
    #[serde(default)]
    pub note: String,
}

impl Figure {
    /// The median of the rounds.
    pub fn median(&self) -> f64 {
        median(self.rounds.clone())
    }

    /// The least and the most.
    pub fn spread(&self) -> (f64, f64) {
        let rounds = self.rounds.iter().copied();
        (
            rounds.clone().fold(f64::MAX, f64::min),
            rounds.fold(f64::MIN, f64::max),
        )
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// All figures of a run, and the versions of what was measured.
#[derive(Default)]
pub struct Figures {
    pub all: Vec<Figure>,
    pub versions: BTreeMap<String, String>,
}

impl Figures {
    /// Reads all files of a directory that end in .jsonl.
    pub fn read(directory: &Path) -> io::Result<Self> {
        let mut figures = Self::default();
        let mut paths: Vec<_> = fs::read_dir(directory)?
            .map(|entry| Ok(entry?.path()))
            .collect::<io::Result<_>>()?;
        paths.retain(|path| {
            path.extension()
                .is_some_and(|extension| extension == "jsonl")
        });
        paths.sort_unstable();
        for path in paths {
            for line in fs::read_to_string(path)?.lines() {
                let value: Value = serde_json::from_str(line)?;
                if let Some(versions) = value.get("versions").and_then(Value::as_object) {
                    let texts = versions.iter().map(|(name, version)| {
                        (
                            name.clone(),
                            version.as_str().unwrap_or_default().to_owned(),
                        )
                    });
                    figures.versions.extend(texts);
                } else {
                    figures.all.push(serde_json::from_value(value)?);
                }
            }
        }
        figures.derive();
        Ok(figures)
    }

    /// Figures that are computed from several figures of the same round.
    fn derive(&mut self) {
        let sizes = [64, 256, 1024, 4096, 65_536];
        for size in sizes {
            let (one, load) = ("one field", "atomic load");
            let beyond = "one field, beyond an atomic load";
            self.add(
                beyond,
                size,
                "ns",
                &[(one, "pegel", true), (one, load, true)],
                |all| all[0] - all[1],
            );
            let publish = "publish alone";
            let needed = [
                (publish, "pegel, stamped", true),
                (publish, "pegel", true),
                ("clock read", "CLOCK_BOOTTIME", false),
            ];
            let stamp = "stamp of a publication, in clock reads";
            self.add(stamp, size, "", &needed, |all| (all[0] - all[1]) / all[2]);
            let wake = "wake of a flat-out publication that nobody waits for";
            self.add(wake, size, "ns", &needed, |all| all[0] - all[1] - all[2]);
        }
    }

    fn add(
        &mut self,
        measure: &str,
        size: usize,
        unit: &str,
        needed: &[(&str, &str, bool)],
        make: impl Fn(&[f64]) -> f64,
    ) {
        let found: Option<Vec<_>> = needed
            .iter()
            .map(|(measure, peer, is_sized)| self.find(measure, is_sized.then_some(size), peer))
            .collect();
        let Some(found) = found else { return };
        let rounds = found
            .iter()
            .map(|figure| figure.rounds.len())
            .min()
            .unwrap_or(0);
        let round = |at: usize| {
            let all: Vec<_> = found.iter().map(|figure| figure.rounds[at]).collect();
            make(&all)
        };
        self.all.push(Figure {
            measure: measure.to_owned(),
            size: Some(size),
            peer: "pegel".to_owned(),
            unit: unit.to_owned(),
            rounds: (0..rounds).map(round).collect(),
            note: String::new(),
        });
    }

    /// A peer's figures in a measure.
    pub fn find(&self, measure: &str, size: Option<usize>, peer: &str) -> Option<&Figure> {
        self.all
            .iter()
            .find(|figure| figure.measure == measure && figure.size == size && figure.peer == peer)
    }

    /// The ratio of a peer's figures to another's: the median of the rounds.
    pub fn ratio(
        &self,
        measure: &str,
        size: Option<usize>,
        peer: &str,
        other: &str,
    ) -> Option<f64> {
        let (own, other) = (
            self.find(measure, size, peer)?,
            self.find(measure, size, other)?,
        );
        let pairs = own.rounds.iter().zip(&other.rounds);
        let ratios: Vec<_> = pairs.map(|(own, other)| own / other).collect();
        (!ratios.is_empty()).then(|| median(ratios))
    }
}
