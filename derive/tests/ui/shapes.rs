use pegel::Record;

#[derive(Record)]
struct Tuple(f64);

#[derive(Record)]
struct Generic<T> {
    level: T,
}

#[derive(Record)]
enum Level {
    High,
}

#[derive(Record)]
struct Nothing {}

#[derive(Record)]
struct Unknown {
    #[pegel(units = "m")]
    level: f64,
}

#[derive(Record)]
#[pegel(unit = "m")]
struct Outside {
    level: f64,
}

#[derive(Record)]
struct Twice {
    #[pegel(unit = "m", unit = "cm")]
    level: f64,
}

#[derive(Record)]
struct Names {
    höhe: f64,
}

fn main() {}
