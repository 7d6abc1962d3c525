//! Units as Prometheus names them: base units, spelled out at the end of a metric's name.

/// A unit as boards have it, the base unit, and what makes a value of the one that of the other: multiplied by the
/// first number, divided by the second.
const UNITS: &[(&str, &str, f64, f64)] = &[
    ("ns", "seconds", 1.0, 1e9),
    ("µs", "seconds", 1.0, 1e6),
    ("us", "seconds", 1.0, 1e6),
    ("ms", "seconds", 1.0, 1e3),
    ("s", "seconds", 1.0, 1.0),
    ("min", "seconds", 60.0, 1.0),
    ("h", "seconds", 3600.0, 1.0),
    ("d", "seconds", 86_400.0, 1.0),
    ("mV", "volts", 1.0, 1e3),
    ("V", "volts", 1.0, 1.0),
    ("kV", "volts", 1e3, 1.0),
    ("µA", "amperes", 1.0, 1e6),
    ("mA", "amperes", 1.0, 1e3),
    ("A", "amperes", 1.0, 1.0),
    ("mAh", "coulombs", 3.6, 1.0),
    ("Ah", "coulombs", 3600.0, 1.0),
    ("mW", "watts", 1.0, 1e3),
    ("W", "watts", 1.0, 1.0),
    ("kW", "watts", 1e3, 1.0),
    ("MW", "watts", 1e6, 1.0),
    ("J", "joules", 1.0, 1.0),
    ("kJ", "joules", 1e3, 1.0),
    ("MJ", "joules", 1e6, 1.0),
    ("Wh", "joules", 3.6e3, 1.0),
    ("kWh", "joules", 3.6e6, 1.0),
    ("MWh", "joules", 3.6e9, 1.0),
    ("VA", "voltamperes", 1.0, 1.0),
    ("kVA", "voltamperes", 1e3, 1.0),
    ("var", "vars", 1.0, 1.0),
    ("kvar", "vars", 1e3, 1.0),
    ("Ω", "ohms", 1.0, 1.0),
    ("Ohm", "ohms", 1.0, 1.0),
    ("kΩ", "ohms", 1e3, 1.0),
    ("Hz", "hertz", 1.0, 1.0),
    ("kHz", "hertz", 1e3, 1.0),
    ("MHz", "hertz", 1e6, 1.0),
    ("°C", "celsius", 1.0, 1.0),
    ("K", "kelvin", 1.0, 1.0),
    ("W/m²", "watts_per_square_meter", 1.0, 1.0),
    ("W/m2", "watts_per_square_meter", 1.0, 1.0),
    ("lx", "lux", 1.0, 1.0),
    ("lm", "lumens", 1.0, 1.0),
    ("Pa", "pascals", 1.0, 1.0),
    ("hPa", "pascals", 100.0, 1.0),
    ("mbar", "pascals", 100.0, 1.0),
    ("kPa", "pascals", 1e3, 1.0),
    ("bar", "pascals", 1e5, 1.0),
    ("mm", "meters", 1.0, 1e3),
    ("cm", "meters", 1.0, 100.0),
    ("m", "meters", 1.0, 1.0),
    ("km", "meters", 1e3, 1.0),
    ("m²", "square_meters", 1.0, 1.0),
    ("m2", "square_meters", 1.0, 1.0),
    ("ml", "cubic_meters", 1.0, 1e6),
    ("l", "cubic_meters", 1.0, 1e3),
    ("L", "cubic_meters", 1.0, 1e3),
    ("m³", "cubic_meters", 1.0, 1.0),
    ("m3", "cubic_meters", 1.0, 1.0),
    ("l/min", "cubic_meters_per_second", 1.0, 60e3),
    ("l/h", "cubic_meters_per_second", 1.0, 3.6e6),
    ("m³/h", "cubic_meters_per_second", 1.0, 3600.0),
    ("m3/h", "cubic_meters_per_second", 1.0, 3600.0),
    ("m/s", "meters_per_second", 1.0, 1.0),
    ("km/h", "meters_per_second", 1.0, 3.6),
    ("rpm", "rotations_per_minute", 1.0, 1.0),
    ("1/min", "rotations_per_minute", 1.0, 1.0),
    ("mg", "grams", 1.0, 1e3),
    ("g", "grams", 1.0, 1.0),
    ("kg", "grams", 1e3, 1.0),
    ("t", "grams", 1e6, 1.0),
    ("°", "degrees", 1.0, 1.0),
    ("rad", "radians", 1.0, 1.0),
    ("%", "ratio", 1.0, 100.0),
    ("‰", "ratio", 1.0, 1e3),
    ("ppm", "ratio", 1.0, 1e6),
    ("dB", "decibels", 1.0, 1.0),
    ("B", "bytes", 1.0, 1.0),
    ("KiB", "bytes", 1024.0, 1.0),
    ("MiB", "bytes", 1_048_576.0, 1.0),
    ("GiB", "bytes", 1_073_741_824.0, 1.0),
    ("kB", "bytes", 1e3, 1.0),
    ("MB", "bytes", 1e6, 1.0),
    ("GB", "bytes", 1e9, 1.0),
];

/// How a unit is told to Prometheus.
pub struct Base {
    /// What a name ends with; empty for a field without a unit.
    pub suffix: String,
    factor: (f64, f64),
}

impl Base {
    /// One that is not known keeps its name, as far as names of metrics may have that.
    pub fn of(unit: &str) -> Self {
        match UNITS.iter().find(|(known, ..)| *known == unit) {
            Some((_, suffix, times, by)) => Self {
                suffix: (*suffix).to_owned(),
                factor: (*times, *by),
            },
            None => Self {
                suffix: spelled(unit),
                factor: (1.0, 1.0),
            },
        }
    }

    /// Whether values are in the base unit already.
    pub fn is_own(&self) -> bool {
        let (times, by) = self.factor;
        (times - by).abs() < f64::EPSILON
    }

    /// A value in the base unit.
    pub fn convert(&self, value: f64) -> f64 {
        let (times, by) = self.factor;
        // Divided by a whole number, a decimal stays the nearest one: 230.1 mV are 0.2301 V.
        value * times / by
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
    fn values_are_converted_to_the_digit() {
        let told = [
            ("mV", 230.1, "0.2301"),
            ("kWh", 0.1, "360000"),
            ("%", 98.6, "0.986"),
            ("km/h", 36.0, "10"),
        ];
        for (unit, value, converted) in told {
            assert_eq!(Base::of(unit).convert(value).to_string(), converted);
        }
        assert!(Base::of("V").is_own());
    }

    #[test]
    fn unknown_units_are_spelled() {
        for (unit, suffix) in [
            ("EUR/kWh", "eur_per_kwh"),
            ("", ""),
            ("°dH", "dh"),
            ("Stück", "st_ck"),
        ] {
            assert_eq!(Base::of(unit).suffix, suffix);
        }
    }

    #[test]
    fn no_unit_stands_twice() {
        for (index, (unit, ..)) in UNITS.iter().enumerate() {
            assert!(UNITS[..index].iter().all(|(other, ..)| other != unit));
        }
    }
}
