use pegel::Record;

#[derive(Record)]
struct Station {
    level: f64,
    name: String,
    //~ ERROR: `String` cannot be a field of a record
    //~ NOTE: not a type of fields
    //~ NOTE: fields are bool, i8 to i64, u8 to u64, f32, f64, pegel::Text<SIZE>, arrays of them, and Option of those
    maybe: [Option<f32>; 2],
    //~ ERROR: `Option<f32>` cannot be an element of an array or optional in a record
    //~ NOTE: not a type of elements
    //~ NOTE: elements are bool, i8 to i64, u8 to u64, f32, f64, pegel::Text<SIZE> and arrays of them; an array is optional as a whole
}

fn main() {}
