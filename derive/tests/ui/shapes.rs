use pegel::Record;

#[derive(Record)]
struct Tuple(f64); //~ ERROR: a record is a struct with named fields

#[derive(Record)]
struct Generic<T> { //~ ERROR: a record cannot be generic: its layout must be the same in every program
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
    #[pegel(units = "m")] //~ ERROR: unknown attribute `units`: use unit, label, description, default, min or max
    level: f64,
}

#[derive(Record)]
struct Path {
    #[pegel(si::unit = "m")] //~ ERROR: unknown attribute `si :: unit`: use unit, label, description, default, min or max
    level: f64,
}

#[derive(Record)]
#[pegel(unit = "m")] //~ ERROR: `#[pegel]` is for fields only: the struct's doc comment describes the board
struct Outside {
    level: f64,
}

#[derive(Record)]
struct Twice {
    #[pegel(unit = "m", unit = "cm")] //~ ERROR: duplicate attribute `unit`
    level: f64,
}

#[derive(Record)]
struct Names {
    höhe: f64, //~ ERROR: field name must be ASCII, at most 31 characters (got `höhe`)
}

#[derive(Record)]
struct LongName {
    a_name_of_thirty_two_characters_: f64, //~ ERROR: field name must be ASCII, at most 31 characters (got `a_name_of_thirty_two_characters_`)
}

fn main() {}
