//! Units as Prometheus names them: base units, spelled out at the end of a metric's name.

use pegel_program::unit::Unit;

/// The unit of a metric.
pub struct Base {
    /// What a name ends with; empty for a field without a unit.
    pub suffix: String,
    unit: Option<&'static Unit>,
}

impl Base {
    /// One that is not known keeps its name, as far as names of metrics may have that.
    pub fn of(name: &str) -> Self {
        let unit = Unit::find(name);
        Self {
            suffix: unit.map_or_else(|| spelled(name), |unit| unit.base.to_owned()),
            unit,
        }
    }

    /// Whether values are in the base unit already.
    pub fn is_own(&self) -> bool {
        self.unit.is_none_or(Unit::is_base)
    }

    /// A value in the base unit.
    pub fn convert(&self, value: f64) -> f64 {
        self.unit.map_or(value, |unit| unit.to_base(value))
    }
}

fn spelled(unit: &str) -> String {
    let unit = unit.replace('/', "_per_").to_ascii_lowercase();
    let may_stand = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let letters = unit.chars();
    let spelled: String = letters
        .map(|letter| if may_stand(letter) { letter } else { '_' })
        .collect();
    spelled.trim_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_units_have_their_base() {
        let base = Base::of("kW");
        assert_eq!((base.suffix.as_str(), base.is_own()), ("watts", false));
        assert_eq!(base.convert(2.5).to_string(), "2500");
    }

    #[test]
    fn unknown_units_are_spelled() {
        for (unit, suffix) in [
            ("EUR/kWh", "eur_per_kwh"),
            ("", ""),
            ("°dH", "dh"),
            ("Stück", "st_ck"),
        ] {
            let base = Base::of(unit);
            assert_eq!((base.suffix.as_str(), base.is_own()), (suffix, true));
            assert_eq!(base.convert(98.6).to_string(), "98.6");
        }
    }
}
