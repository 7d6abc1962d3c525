use pegel::Record;

#[derive(Record)]
struct Station {
    #[pegel(min = "low")] //~ ERROR: mismatched types
    level: f64,
    #[pegel(max = 1)] //~ ERROR: mismatched types
    rain: bool,
    #[pegel(default = [1.0])] //~ ERROR: mismatched types
    volts: [f32; 2],
}

fn main() {}
