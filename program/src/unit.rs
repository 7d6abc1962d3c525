//! Units of measure, as boards spell them, and what other systems call them.

/// One unit, in all its spellings.
pub struct Unit {
    /// The first one is Home Assistant's.
    pub names: &'static [&'static str],
    /// The common code in UN/CEFACT Recommendation 20, which OPC UA uses.
    pub code: &'static str,
    /// The base unit that Prometheus asks for, as the end of a metric's name.
    pub base: &'static str,
    /// The device class of Home Assistant for which the unit is valid, if there is one.
    pub class: Option<&'static str>,
    offset: f64,
    times: f64,
    by: f64,
}

impl Unit {
    /// The unit of that name, if it is known.
    pub fn find(name: &str) -> Option<&'static Self> {
        UNITS.iter().find(|unit| unit.names.contains(&name))
    }

    /// A value in the base unit.
    pub fn to_base(&self, value: f64) -> f64 {
        // Divided by a whole number, a decimal stays the nearest one: 230.1 mV are 0.2301 V.
        (value - self.offset) * self.times / self.by
    }

    /// Whether values are in the base unit already.
    pub fn is_base(&self) -> bool {
        self.offset == 0.0 && (self.times - self.by).abs() < f64::EPSILON
    }
}

/// A value is that in the base unit when multiplied by `times`, and divided by `by`.
const fn unit(
    names: &'static [&'static str],
    code: &'static str,
    (base, times, by): (&'static str, f64, f64),
    class: Option<&'static str>,
) -> Unit {
    Unit {
        names,
        code,
        base,
        class,
        offset: 0.0,
        times,
        by,
    }
}

// A row a unit.
#[rustfmt::skip]
const UNITS: &[Unit] = &[
    // electricity
    unit(&["µV"], "D82", ("volts", 1.0, 1e6), Some("voltage")),
    unit(&["mV"], "2Z", ("volts", 1.0, 1e3), Some("voltage")),
    unit(&["V"], "VLT", ("volts", 1.0, 1.0), Some("voltage")),
    unit(&["kV"], "KVT", ("volts", 1e3, 1.0), Some("voltage")),
    unit(&["µA"], "B84", ("amperes", 1.0, 1e6), None),
    unit(&["mA"], "4K", ("amperes", 1.0, 1e3), Some("current")),
    unit(&["A"], "AMP", ("amperes", 1.0, 1.0), Some("current")),
    unit(&["mAh"], "E09", ("coulombs", 3.6, 1.0), None),
    unit(&["Ah"], "AMH", ("coulombs", 3600.0, 1.0), None),
    unit(&["mW"], "C31", ("watts", 1.0, 1e3), Some("power")),
    unit(&["W"], "WTT", ("watts", 1.0, 1.0), Some("power")),
    unit(&["kW"], "KWT", ("watts", 1e3, 1.0), Some("power")),
    unit(&["MW"], "MAW", ("watts", 1e6, 1.0), Some("power")),
    unit(&["GW"], "A90", ("watts", 1e9, 1.0), Some("power")),
    unit(&["J"], "JOU", ("joules", 1.0, 1.0), Some("energy")),
    unit(&["kJ"], "KJO", ("joules", 1e3, 1.0), Some("energy")),
    unit(&["MJ"], "3B", ("joules", 1e6, 1.0), Some("energy")),
    unit(&["GJ"], "GV", ("joules", 1e9, 1.0), Some("energy")),
    unit(&["Wh"], "WHR", ("joules", 3.6e3, 1.0), Some("energy")),
    unit(&["kWh"], "KWH", ("joules", 3.6e6, 1.0), Some("energy")),
    unit(&["MWh"], "MWH", ("joules", 3.6e9, 1.0), Some("energy")),
    unit(&["GWh"], "GWH", ("joules", 3.6e12, 1.0), Some("energy")),
    unit(&["VA"], "D46", ("voltamperes", 1.0, 1.0), Some("apparent_power")),
    unit(&["kVA"], "KVA", ("voltamperes", 1e3, 1.0), Some("apparent_power")),
    unit(&["var"], "D44", ("vars", 1.0, 1.0), Some("reactive_power")),
    unit(&["kvar"], "KVR", ("vars", 1e3, 1.0), Some("reactive_power")),
    unit(&["Hz"], "HTZ", ("hertz", 1.0, 1.0), Some("frequency")),
    unit(&["kHz"], "KHZ", ("hertz", 1e3, 1.0), Some("frequency")),
    unit(&["MHz"], "MHZ", ("hertz", 1e6, 1.0), Some("frequency")),
    unit(&["GHz"], "A86", ("hertz", 1e9, 1.0), Some("frequency")),
    unit(&["Ω", "Ohm"], "OHM", ("ohms", 1.0, 1.0), None),
    unit(&["kΩ"], "B49", ("ohms", 1e3, 1.0), None),
    unit(&["F"], "FAR", ("farads", 1.0, 1.0), None),
    // heat, light and air
    unit(&["°C"], "CEL", ("celsius", 1.0, 1.0), Some("temperature")),
    Unit { offset: 32.0, ..unit(&["°F"], "FAH", ("celsius", 5.0, 9.0), Some("temperature")) },
    unit(&["K"], "KEL", ("kelvin", 1.0, 1.0), Some("temperature")),
    unit(&["W/m²", "W/m2"], "D54", ("watts_per_square_meter", 1.0, 1.0), Some("irradiance")),
    unit(&["lx"], "LUX", ("lux", 1.0, 1.0), Some("illuminance")),
    unit(&["lm"], "LUM", ("lumens", 1.0, 1.0), None),
    unit(&["cd"], "CDL", ("candelas", 1.0, 1.0), None),
    unit(&["Pa"], "PAL", ("pascals", 1.0, 1.0), Some("pressure")),
    unit(&["hPa"], "A97", ("pascals", 100.0, 1.0), Some("pressure")),
    unit(&["kPa"], "KPA", ("pascals", 1e3, 1.0), Some("pressure")),
    // Home Assistant accepts no pressure in MPa.
    unit(&["MPa"], "MPA", ("pascals", 1e6, 1.0), None),
    unit(&["mbar"], "MBR", ("pascals", 100.0, 1.0), Some("pressure")),
    unit(&["bar"], "BAR", ("pascals", 1e5, 1.0), Some("pressure")),
    unit(&["µg/m³"], "GQ", ("grams_per_cubic_meter", 1.0, 1e6), None),
    unit(&["g/m³"], "A93", ("grams_per_cubic_meter", 1.0, 1.0), None),
    unit(&["kg/m³"], "KMQ", ("grams_per_cubic_meter", 1e3, 1.0), None),
    // lengths, volumes and speeds
    unit(&["µm"], "4H", ("meters", 1.0, 1e6), None),
    unit(&["mm"], "MMT", ("meters", 1.0, 1e3), Some("distance")),
    unit(&["cm"], "CMT", ("meters", 1.0, 100.0), Some("distance")),
    unit(&["m"], "MTR", ("meters", 1.0, 1.0), Some("distance")),
    unit(&["km"], "KMT", ("meters", 1e3, 1.0), Some("distance")),
    unit(&["m²", "m2"], "MTK", ("square_meters", 1.0, 1.0), None),
    unit(&["mL", "ml"], "MLT", ("cubic_meters", 1.0, 1e6), Some("volume_storage")),
    unit(&["L", "l"], "LTR", ("cubic_meters", 1.0, 1e3), Some("volume_storage")),
    unit(&["m³", "m3"], "MTQ", ("cubic_meters", 1.0, 1.0), Some("volume_storage")),
    unit(&["l/h", "L/h"], "E32", ("cubic_meters_per_second", 1.0, 3.6e6), None),
    unit(&["L/min", "l/min"], "L2", ("cubic_meters_per_second", 1.0, 60e3),
         Some("volume_flow_rate")),
    unit(&["l/s", "L/s"], "G51", ("cubic_meters_per_second", 1.0, 1e3), None),
    unit(&["m³/h", "m3/h"], "MQH", ("cubic_meters_per_second", 1.0, 3600.0),
         Some("volume_flow_rate")),
    unit(&["m/s"], "MTS", ("meters_per_second", 1.0, 1.0), Some("speed")),
    unit(&["km/h"], "KMH", ("meters_per_second", 1.0, 3.6), Some("speed")),
    unit(&["m/s²"], "MSK", ("meters_per_second_squared", 1.0, 1.0), None),
    unit(&["°"], "DD", ("degrees", 1.0, 1.0), None),
    unit(&["rad"], "C81", ("radians", 1.0, 1.0), None),
    // times
    unit(&["ns"], "C47", ("seconds", 1.0, 1e9), None),
    unit(&["µs", "us"], "B98", ("seconds", 1.0, 1e6), None),
    unit(&["ms"], "C26", ("seconds", 1.0, 1e3), Some("duration")),
    unit(&["s"], "SEC", ("seconds", 1.0, 1.0), Some("duration")),
    unit(&["min"], "MIN", ("seconds", 60.0, 1.0), Some("duration")),
    unit(&["h"], "HUR", ("seconds", 3600.0, 1.0), Some("duration")),
    unit(&["d"], "DAY", ("seconds", 86_400.0, 1.0), Some("duration")),
    unit(&["rpm", "1/min"], "RPM", ("rotations_per_minute", 1.0, 1.0), None),
    // masses and forces
    unit(&["mg"], "MGM", ("grams", 1.0, 1e3), Some("weight")),
    unit(&["g"], "GRM", ("grams", 1.0, 1.0), Some("weight")),
    unit(&["kg"], "KGM", ("grams", 1e3, 1.0), Some("weight")),
    unit(&["t"], "TNE", ("grams", 1e6, 1.0), None),
    unit(&["N"], "NEW", ("newtons", 1.0, 1.0), None),
    unit(&["kN"], "B47", ("newtons", 1e3, 1.0), None),
    unit(&["Nm"], "NU", ("newton_meters", 1.0, 1.0), None),
    // shares and data
    unit(&["%"], "P1", ("ratio", 1.0, 100.0), None),
    unit(&["‰"], "NX", ("ratio", 1.0, 1e3), None),
    unit(&["ppm"], "59", ("ratio", 1.0, 1e6), None),
    unit(&["dB"], "2N", ("decibels", 1.0, 1.0), None),
    unit(&["B"], "AD", ("bytes", 1.0, 1.0), Some("data_size")),
    unit(&["kB"], "2P", ("bytes", 1e3, 1.0), Some("data_size")),
    unit(&["MB"], "4L", ("bytes", 1e6, 1.0), Some("data_size")),
    unit(&["GB"], "E34", ("bytes", 1e9, 1.0), Some("data_size")),
    unit(&["KiB"], "E64", ("bytes", 1024.0, 1.0), Some("data_size")),
    unit(&["MiB"], "E63", ("bytes", 1_048_576.0, 1.0), Some("data_size")),
    unit(&["GiB"], "E62", ("bytes", 1_073_741_824.0, 1.0), Some("data_size")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = UNITS.iter().flat_map(|unit| unit.names).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn values_are_converted_to_the_digit() {
        let converted = [
            ("mV", 230.1, "0.2301"),
            ("kWh", 0.1, "360000"),
            ("%", 98.6, "0.986"),
            ("km/h", 36.0, "10"),
            ("°F", 98.6, "37"),
            ("MPa", 1.6, "1600000"),
            ("KiB", 1.5, "1536"),
        ];
        for (name, value, base) in converted {
            let unit = Unit::find(name).expect(name);
            assert_eq!(unit.to_base(value).to_string(), base, "{name}");
            assert!(!unit.is_base(), "{name}");
        }
        assert!(Unit::find("V").is_some_and(Unit::is_base));
    }

    #[test]
    fn each_system_names_a_unit_of_any_spelling() {
        for name in ["l/min", "L/min"] {
            let unit = Unit::find(name).expect(name);
            assert_eq!(
                (unit.names[0], unit.code, unit.base, unit.class),
                (
                    "L/min",
                    "L2",
                    "cubic_meters_per_second",
                    Some("volume_flow_rate")
                )
            );
        }
        assert!(Unit::find("EUR/kWh").is_none());
    }
}
