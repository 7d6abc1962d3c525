use pegel::Record;

#[derive(Record)]
struct Station {
    level: f64,
    name: String,
    //~ ERROR: `String` cannot be a field of a record
    //~ NOTE: not a field type
    //~ NOTE: a field can be bool, i8 to i64, u8 to u64, f32, f64, pegel::Text<SIZE>, an array of these, or an Option of any of them
    maybe: [Option<f32>; 2],
    //~ ERROR: `Option<f32>` cannot be an array element or an optional value in a record
    //~ NOTE: not an element type
    //~ NOTE: an element can be bool, i8 to i64, u8 to u64, f32, f64, pegel::Text<SIZE> or an array of these; only a whole array can be optional
}

fn main() {}
