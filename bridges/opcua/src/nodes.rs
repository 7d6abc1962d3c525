//! The nodes of a board in the address space: an object, a variable for each field, and properties
//! for units and limits. The names of the nodes are NAME, NAME/FIELD and NAME/FIELD:PROPERTY.

use opcua::nodes::{AccessLevel, ObjectBuilder, VariableBuilder};
use opcua::server::address_space::AddressSpace;
use opcua::types::{
    DataTypeId, ExtensionObject, Identifier, NodeId, ObjectTypeId, QualifiedName, Range,
    VariableTypeId, Variant,
};
use pegel::{Field, Schema, Value};

use crate::{units, values};

/// The folder of all boards.
pub const FOLDER: &str = "Boards";

pub fn of_board(namespace: u16, board: &str) -> NodeId {
    NodeId::new(namespace, board)
}

pub fn of_field(namespace: u16, board: &str, field: &str) -> NodeId {
    NodeId::new(namespace, format!("{board}/{field}"))
}

fn of_property(namespace: u16, board: &str, field: &str, property: &str) -> NodeId {
    NodeId::new(namespace, format!("{board}/{field}:{property}"))
}

/// The board and the field of a node; `None` if the node is not a field.
pub fn field_of(node: &NodeId) -> Option<(&str, &str)> {
    let Identifier::String(name) = &node.identifier else {
        return None;
    };
    let (board, field) = name.as_ref().split_once('/')?;
    (!field.contains(':')).then_some((board, field))
}

/// Adds the folder that contains all boards.
pub fn insert_folder(space: &mut AddressSpace, namespace: u16) {
    let folder = NodeId::new(namespace, format!(":{FOLDER}"));
    space.add_folder(
        &folder,
        QualifiedName::new(namespace, FOLDER),
        FOLDER,
        &NodeId::objects_folder_id(),
    );
}

/// Adds a board.
pub fn insert(
    space: &mut AddressSpace,
    namespace: u16,
    board: &str,
    schema: &Schema,
    is_writable: bool,
) {
    let id = of_board(namespace, board);
    let folder = NodeId::new(namespace, format!(":{FOLDER}"));
    let object = ObjectBuilder::new(&id, QualifiedName::new(namespace, board), board)
        .description(schema.description())
        .has_type_definition(ObjectTypeId::BaseObjectType)
        .organized_by(folder);
    object.insert(space);
    for field in schema.fields() {
        insert_field(space, namespace, board, field, is_writable);
    }
}

/// Removes a board's nodes.
pub fn remove(space: &mut AddressSpace, namespace: u16, board: &str, schema: &Schema) {
    for field in schema.fields() {
        for property in [RANGE, UNITS] {
            space.delete(&of_property(namespace, board, &field.name, property), true);
        }
        space.delete(&of_field(namespace, board, &field.name), true);
    }
    space.delete(&of_board(namespace, board), true);
}

const RANGE: &str = "EURange";
const UNITS: &str = "EngineeringUnits";

fn insert_field(
    space: &mut AddressSpace,
    namespace: u16,
    board: &str,
    field: &Field,
    is_writable: bool,
) {
    let Field {
        name,
        unit,
        details,
        ..
    } = field;
    let kind = match (range(field).is_some(), !unit.is_empty()) {
        (true, true) => VariableTypeId::AnalogUnitRangeType,
        (true, false) => VariableTypeId::AnalogItemType,
        (false, true) => VariableTypeId::AnalogUnitType,
        (false, false) => VariableTypeId::BaseDataVariableType,
    };
    let label = if details.label.is_empty() {
        name
    } else {
        &details.label
    };
    let access = if is_writable {
        AccessLevel::CURRENT_READ | AccessLevel::CURRENT_WRITE
    } else {
        AccessLevel::CURRENT_READ
    };
    let id = of_field(namespace, board, name);
    let variable = VariableBuilder::new(
        &id,
        QualifiedName::new(namespace, name.as_str()),
        label.as_str(),
    )
    .description(details.description.as_str())
    .data_type(NodeId::new(0, values::element_type(field.kind) as u32))
    .has_type_definition(kind)
    .access_level(access)
    .user_access_level(access)
    .component_of(of_board(namespace, board));
    let variable = if field.count > 1 {
        variable.value_rank(1).array_dimensions(&[field.count])
    } else {
        variable.value_rank(-1)
    };
    variable.insert(space);
    insert_properties(space, namespace, board, field, &id);
}

/// The limits and the unit of a field.
fn insert_properties(
    space: &mut AddressSpace,
    namespace: u16,
    board: &str,
    field: &Field,
    id: &NodeId,
) {
    let mut property = |name: &str, kind: DataTypeId, value: ExtensionObject| {
        let property = of_property(namespace, board, &field.name, name);
        VariableBuilder::new(&property, name, name)
            .data_type(kind)
            .has_type_definition(VariableTypeId::PropertyType)
            .value(Variant::from(value))
            .property_of(id.clone())
            .insert(space);
    };
    if let Some(range) = range(field) {
        let range = ExtensionObject::from_message(range);
        property(RANGE, DataTypeId::Range, range);
    }
    if !field.unit.is_empty() {
        let unit = ExtensionObject::from_message(units::information(&field.unit));
        property(UNITS, DataTypeId::EUInformation, unit);
    }
}

/// The limits of a field, if it has any. If it has only one, the other is that of its type.
fn range(field: &Field) -> Option<Range> {
    let (min, max) = (&field.details.min, &field.details.max);
    if min.is_none() && max.is_none() {
        return None;
    }
    Some(Range {
        low: min.as_ref().and_then(Value::number).unwrap_or(f64::MIN),
        high: max.as_ref().and_then(Value::number).unwrap_or(f64::MAX),
    })
}
