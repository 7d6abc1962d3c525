//! A program made for one version of a schema: version VERSION read | VERSION write LEVEL.

use std::env::args;
use std::fmt::Debug;

use pegel::{ErrorKind, Options, Reader, Record, Result, Writer};
use serde::Serialize;

macro_rules! versions {
    ($($name:ident { $($(#[$about:meta])* $field:ident: $type:ty = $value:expr),* $(,)? })*) => {
        $(
            #[derive(Debug, Serialize, Record)]
            struct $name {
                $($(#[$about])* $field: $type),*
            }

            impl Default for $name {
                fn default() -> Self {
                    Self { $($field: $value),* }
                }
            }

            impl Level for $name {
                fn set_level(&mut self, level: f64) {
                    self.level = level;
                }
            }
        )*
    };
}

trait Level {
    fn set_level(&mut self, level: f64);
}

versions! {
    First { #[pegel(unit = "m")] level: f64 = 0.0, rain: bool = true }
    WithDefault {
        #[pegel(unit = "m")] level: f64 = 0.0, rain: bool = true,
        #[pegel(default = 80)] limit: u16 = 60,
    }
    WithOptional {
        #[pegel(unit = "m")] level: f64 = 0.0, rain: bool = true, wind: Option<f32> = Some(1.5),
    }
    WithPlain { #[pegel(unit = "m")] level: f64 = 0.0, rain: bool = true, hot: bool = true }
    InFeet { #[pegel(unit = "ft")] level: f64 = 0.0, rain: bool = true }
    Less { #[pegel(unit = "m")] level: f64 = 0.0 }
}

fn run<R: Record + Default + Level + Serialize + Debug>(level: Option<&str>) -> Result<()> {
    if let Some(level) = level {
        let mut record = R::default();
        record.set_level(level.parse().expect("a number"));
        Writer::<R>::create("tank", &Options::default())?.publish(&record)?;
    } else {
        let now = Reader::<R>::open("tank")?.read()?;
        println!("{}", serde_json::to_string(&now).expect("numbers"));
    }
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<_> = args().collect();
    let level = arguments.get(3).map(String::as_str);
    let done = match &*arguments[1] {
        "first" => run::<First>(level),
        "default" => run::<WithDefault>(level),
        "optional" => run::<WithOptional>(level),
        "plain" => run::<WithPlain>(level),
        "feet" => run::<InFeet>(level),
        _ => run::<Less>(level),
    };
    match done {
        Err(error) if error.kind() == ErrorKind::InvalidFields => {
            println!("INVALID_FIELDS {error}");
            Ok(())
        }
        done => done,
    }
}
