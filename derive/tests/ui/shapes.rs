use pegel::Record;

#[derive(Record)]
struct Tuple(f64); //~ ERROR: a record is a struct with named fields

#[derive(Record)]
struct Generic<T> { //~ ERROR: a record has no parameters: its bytes are the same for everybody
    level: T,
}

#[derive(Record)]
enum Level { //~ ERROR: a record is a struct with named fields
    High,
}

#[derive(Record)]
struct Nothing {} //~ ERROR: a record has at least one field

#[derive(Record)]
struct Unknown {
    #[pegel(units = "m")] //~ ERROR: a field has unit, label, description, default, min and max
    level: f64,
}

#[derive(Record)]
#[pegel(unit = "m")] //~ ERROR: the struct takes no attributes of pegel; its documentation describes the board
struct Outside {
    level: f64,
}

#[derive(Record)]
struct Twice {
    #[pegel(unit = "m", unit = "cm")] //~ ERROR: unit is told twice
    level: f64,
}

#[derive(Record)]
struct Names {
    höhe: f64, //~ ERROR: a field's name is ASCII, of at most 31 characters
}

fn main() {}
