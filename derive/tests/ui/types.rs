use pegel::Record;

#[derive(Record)]
struct Station {
    level: f64,
    name: String,
    maybe: [Option<f32>; 2],
}

fn main() {}
