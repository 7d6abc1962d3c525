use pegel::Record;

#[derive(Record)]
struct Station {
    #[pegel(min = "low")]
    level: f64,
    #[pegel(max = 1)]
    rain: bool,
    #[pegel(default = [1.0])]
    volts: [f32; 2],
}

fn main() {}
