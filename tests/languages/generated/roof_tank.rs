//! Board roof-tank.1, as `pegel gen rust roof-tank.1` prints it.

/// Was die Seite will: "alles"? /* or not */ \ ??/
#[derive(Clone, Copy, Debug, PartialEq, pegel::Record)]
pub struct RoofTank1 {
    #[pegel(unit = "m³", label = "Füll\"stand\"", description = "Two\nlines */ \\", min = -1.0, max = 20.5)]
    pub level: f64,
    #[pegel(default = [true, false, true])]
    pub flags: [bool; 3],
    #[pegel(default = 18_446_744_073_709_551_615)]
    pub big: u64,
    #[pegel(unit = "m/s")]
    pub wind: Option<f32>,
    #[pegel(default = -7)]
    pub switch: Option<i16>,
    #[pegel(default = ["a?\"\\", "äö"])]
    pub names: [pegel::Text<5>; 2],
}
