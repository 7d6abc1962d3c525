//! Units of measure as OPC UA names them: by their codes in UN/CEFACT Recommendation 20.

use opcua::types::EUInformation;
use pegel_program::unit::Unit;

const CEFACT: &str = "http://www.opcfoundation.org/UA/units/un/cefact";

/// A unit as clients read it; without a code, it has its name only.
pub fn information(unit: &str) -> EUInformation {
    let code = Unit::find(unit).map(|unit| unit.code);
    // OPC 10000-8 makes a number of the bytes of the code.
    let number = |code: &str| {
        code.bytes()
            .fold(0, |number, byte| number << 8 | i32::from(byte))
    };
    EUInformation {
        namespace_uri: code.map_or_else(Default::default, |_| CEFACT.into()),
        unit_id: code.map_or(-1, number),
        display_name: unit.into(),
        description: code.unwrap_or_default().into(),
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
        let unit = information("EUR/kWh");
        assert_eq!((unit.unit_id, unit.namespace_uri.is_empty()), (-1, true));
        assert_eq!(unit.display_name.text.as_ref(), "EUR/kWh");
    }
}
