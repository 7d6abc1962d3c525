//! Units of measure as OPC UA names them: by their codes in UN/CEFACT Recommendation 20.

use opcua::types::EUInformation;

const CEFACT: &str = "http://www.opcfoundation.org/UA/units/un/cefact";

/// Units as boards have them, and their common codes.
const CODES: &[(&str, &str)] = &[
    // electricity
    ("mV", "2Z"),
    ("V", "VLT"),
    ("kV", "KVT"),
    ("mA", "4K"),
    ("A", "AMP"),
    ("Ah", "AMH"),
    ("W", "WTT"),
    ("kW", "KWT"),
    ("MW", "MAW"),
    ("Wh", "WHR"),
    ("kWh", "KWH"),
    ("MWh", "MWH"),
    ("VA", "D46"),
    ("kVA", "KVA"),
    ("var", "D44"),
    ("kvar", "KVR"),
    ("Hz", "HTZ"),
    ("kHz", "KHZ"),
    ("MHz", "MHZ"),
    ("Ω", "OHM"),
    ("Ohm", "OHM"),
    ("kΩ", "B49"),
    ("F", "FAR"),
    // heat, light and air
    ("°C", "CEL"),
    ("K", "KEL"),
    ("°F", "FAH"),
    ("W/m²", "D54"),
    ("W/m2", "D54"),
    ("lx", "LUX"),
    ("lm", "LUM"),
    ("cd", "CDL"),
    ("Pa", "PAL"),
    ("hPa", "A97"),
    ("kPa", "KPA"),
    ("MPa", "MPA"),
    ("mbar", "MBR"),
    ("bar", "BAR"),
    ("µg/m³", "GQ"),
    ("g/m³", "A93"),
    ("kg/m³", "KMQ"),
    // lengths and what is made of them
    ("µm", "4H"),
    ("mm", "MMT"),
    ("cm", "CMT"),
    ("m", "MTR"),
    ("km", "KMT"),
    ("m²", "MTK"),
    ("m2", "MTK"),
    ("m³", "MTQ"),
    ("m3", "MTQ"),
    ("ml", "MLT"),
    ("l", "LTR"),
    ("L", "LTR"),
    ("l/h", "E32"),
    ("l/min", "L2"),
    ("l/s", "G51"),
    ("m³/h", "MQH"),
    ("m3/h", "MQH"),
    ("m/s", "MTS"),
    ("m/s²", "MSK"),
    ("km/h", "KMH"),
    ("°", "DD"),
    ("rad", "C81"),
    // times
    ("ns", "C47"),
    ("µs", "B98"),
    ("us", "B98"),
    ("ms", "C26"),
    ("s", "SEC"),
    ("min", "MIN"),
    ("h", "HUR"),
    ("d", "DAY"),
    ("1/min", "RPM"),
    ("rpm", "RPM"),
    // masses, forces and energies
    ("mg", "MGM"),
    ("g", "GRM"),
    ("kg", "KGM"),
    ("t", "TNE"),
    ("N", "NEW"),
    ("kN", "B47"),
    ("Nm", "NU"),
    ("J", "JOU"),
    ("kJ", "KJO"),
    ("MJ", "3B"),
    // shares
    ("%", "P1"),
    ("‰", "NX"),
    ("ppm", "59"),
    ("dB", "2N"),
    ("B", "AD"),
];

/// What a client is told of a unit; the name alone if it has no code.
pub fn information(unit: &str) -> EUInformation {
    let code = CODES.iter().find(|(name, _)| *name == unit);
    // The bytes of the code as a number, as OPC 10000-8 says.
    let number = |code: &str| {
        code.bytes()
            .fold(0, |number, byte| number << 8 | i32::from(byte))
    };
    EUInformation {
        namespace_uri: code.map_or_else(Default::default, |_| CEFACT.into()),
        unit_id: code.map_or(-1, |(_, code)| number(code)),
        display_name: unit.into(),
        description: code.map_or("", |(_, code)| code).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_its_bytes() {
        // From the table of the OPC Foundation.
        assert_eq!(information("°C").unit_id, 4_408_652);
        assert_eq!(information("%").unit_id, 20_529);
        assert_eq!(information("W").unit_id, 5_723_220);
    }

    #[test]
    fn a_unit_without_a_code_has_its_name() {
        let told = information("EUR/kWh");
        assert_eq!((told.unit_id, told.namespace_uri.is_empty()), (-1, true));
        assert_eq!(told.display_name.text.as_ref(), "EUR/kWh");
    }

    #[test]
    fn no_unit_stands_twice() {
        for (index, (unit, _)) in CODES.iter().enumerate() {
            assert!(CODES[..index].iter().all(|(other, _)| other != unit));
        }
    }
}
