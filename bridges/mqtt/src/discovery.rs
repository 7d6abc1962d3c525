//! The announcement of a board to Home Assistant: a device, with an entity for each value.
//!
//! The format is that of its device discovery (www.home-assistant.io/integrations/mqtt, since
//! 2024.11).

use pegel::{Field, Type, TypeClass, Value};
use pegel_program::args::mqtt::topic::Topic;
use pegel_program::json;
use pegel_program::unit::Unit;
use serde_json::{Map, Value as Json, json};

use crate::config::Plan;
use crate::follower::About;
use crate::topics::{ALIVE, SHARED};

/// The topic of the announcement.
pub fn topic(home: &Topic, plan: &Plan) -> String {
    let id = identifier(&plan.topic.to_string());
    home.below(&format!("device/{id}/config"))
}

/// The announcement.
pub fn device(plan: &Plan, about: &About) -> Json {
    let topic = plan.topic.to_string();
    let id = identifier(&topic);
    let board = topic.rsplit('/').next().unwrap_or(&topic);
    let available =
        format!("{{{{ 'online' if value in ['{ALIVE}', '{SHARED}'] else 'offline' }}}}");
    let fields = match about.schema.document() {
        None => about.schema.fields(),
        Some(_) => &[],
    };
    let mut components = Map::new();
    for field in fields {
        for index in 0..field.count {
            let index = (field.count > 1).then_some(index);
            let (name, component) = entity(plan, field, index);
            components.insert(name, component);
        }
    }
    let description = about.schema.description();
    json!({
        "device": {
            "identifiers": [id],
            "name": if description.is_empty() { board } else { description },
            "manufacturer": "Pegel",
            "model": topic,
        },
        "origin": { "name": "pegel", "sw_version": env!("CARGO_PKG_VERSION") },
        "availability": [{ "topic": plan.topic.below("writer"), "value_template": available }],
        "state_topic": topic,
        "qos": 1,
        "components": components,
    })
}

fn entity(plan: &Plan, field: &Field, index: Option<u32>) -> (String, Json) {
    let Field {
        name,
        unit,
        details,
        ..
    } = field;
    let label = if details.label.is_empty() {
        name
    } else {
        &details.label
    };
    let (key, label, part) = match index {
        None => (name.clone(), label.clone(), String::new()),
        Some(index) => (
            // Names of fields have no hyphen.
            format!("{name}-{index}"),
            format!("{label} {}", index + 1),
            format!("[{index}]"),
        ),
    };
    let value = format!("value_json.record['{name}']{part}");
    let is_writable = plan.is_writable && index.is_none();
    let range = range(field.kind);
    let platform = match (field.kind, is_writable) {
        (Type::Bool, true) => "switch",
        (Type::Bool, false) => "binary_sensor",
        (Type::Text, true) => "text",
        (_, true) if range.is_some() => "number",
        _ => "sensor",
    };
    let mut entity = json!({
        "platform": platform,
        "unique_id": identifier(&plan.topic.below(&key)),
        "name": label,
        "value_template": format!("{{{{ {value} }}}}"),
    });
    if field.kind == Type::Bool {
        let (on, off) = ("true", "false");
        entity["value_template"] =
            format!("{{{{ None if {value} is none else '{on}' if {value} else '{off}' }}}}").into();
        (entity["payload_on"], entity["payload_off"]) = (on.into(), off.into());
    }
    if field.kind.class() == TypeClass::Float {
        // Home Assistant knows None as unknown, and rejects these.
        entity["value_template"] =
            format!("{{{{ None if {value} in ['NaN', 'Infinity', '-Infinity'] else {value} }}}}")
                .into();
    }
    if is_writable {
        entity["command_topic"] = plan.topic.below(&format!("set/{name}")).into();
    }
    if is_writable && field.kind == Type::Text {
        entity["max"] = field.size.min(255).into();
    }
    if let Some(range) = range {
        number(&mut entity, field, unit, is_writable.then_some(range));
    }
    (key, entity)
}

/// What belongs to a number; `range` is that of its form, if it is writable.
fn number(entity: &mut Json, field: &Field, unit: &str, range: Option<(f64, f64)>) {
    // Without a device class, Home Assistant takes any unit as it is.
    let known = Unit::find(unit).and_then(|unit| unit.class.map(|class| (unit.names[0], class)));
    if let Some((name, class)) = known {
        entity["unit_of_measurement"] = name.into();
        entity["device_class"] = class.into();
    } else if !unit.is_empty() {
        entity["unit_of_measurement"] = unit.into();
    }
    let Some((least, most)) = range else {
        entity["state_class"] = match known {
            // A meter, or the sum of a day: a fall means a new start.
            Some((_, "energy")) => "total_increasing",
            _ => "measurement",
        }
        .into();
        return;
    };
    let is_whole = field.kind.class() == TypeClass::Integer;
    // Without limits, Home Assistant assumes 1 to 100.
    let limit = |limit: &Option<Value>, otherwise: f64| match limit {
        Some(limit) => json::value(limit),
        None => otherwise.into(),
    };
    entity["min"] = limit(&field.details.min, least);
    entity["max"] = limit(&field.details.max, most);
    entity["step"] = if is_whole { 1.into() } else { 0.001.into() };
    entity["mode"] = "box".into();
}

/// The range of a type of numbers, as a form needs it.
fn range(kind: Type) -> Option<(f64, f64)> {
    Some(match kind {
        Type::U8 => (0.0, 255.0),
        Type::I8 => (-128.0, 127.0),
        Type::U16 => (0.0, 65_535.0),
        Type::I16 => (-32_768.0, 32_767.0),
        Type::U32 | Type::U64 => (0.0, 4_294_967_295.0),
        Type::I32 => (-2_147_483_648.0, 2_147_483_647.0),
        Type::I64 | Type::F32 | Type::F64 => (-1e9, 1e9),
        Type::Bool | Type::Text | Type::Json | Type::Bytes => return None,
    })
}

/// An identifier of Home Assistant has letters, digits, - and _. That of a topic has _ for each /;
/// all but letters and digits begins with -, so that two topics never have the same identifier.
fn identifier(topic: &str) -> String {
    let mut identifier = String::new();
    for letter in topic.chars() {
        match letter {
            '/' => identifier.push('_'),
            '-' | '_' => identifier.extend(['-', letter]),
            _ if letter.is_ascii_alphanumeric() => identifier.push(letter),
            _ => identifier.extend(format!("-x{:x}-", u32::from(letter)).chars()),
        }
    }
    identifier
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_have_different_identifiers() {
        let topics = [
            "s/a.b",
            "s/a_b",
            "s/a-b",
            "s/a/b",
            "s/a--b",
            "s/a-x2e-b",
            "s/aäb",
        ];
        let identifiers = topics.map(identifier);
        assert_eq!(identifiers[3], "s_a_b");
        for (index, one) in identifiers.iter().enumerate() {
            assert!(!identifiers[..index].contains(one), "{identifiers:?}");
        }
    }

    #[test]
    fn units_have_the_names_and_classes_of_home_assistant() {
        for (unit, name, class, state) in [
            ("W", "W", Some("power"), "measurement"),
            ("GWh", "GWh", Some("energy"), "total_increasing"),
            ("l/min", "L/min", Some("volume_flow_rate"), "measurement"),
            ("°F", "°F", Some("temperature"), "measurement"),
            ("MPa", "MPa", None, "measurement"),
            ("EUR/kWh", "EUR/kWh", None, "measurement"),
        ] {
            let mut entity = json!({});
            number(&mut entity, &Field::new("value", Type::F64), unit, None);
            let mut wanted = json!({ "unit_of_measurement": name, "state_class": state });
            if let Some(class) = class {
                wanted["device_class"] = class.into();
            }
            assert_eq!(entity, wanted);
        }
    }
}
