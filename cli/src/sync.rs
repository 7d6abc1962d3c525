use clap::Args;
use serde_json::json;

use crate::failure::Result;
use crate::json;
use crate::place::Place;

/// Put the newest record of a durable board on the disk: it is there when this ends
#[derive(Args)]
pub struct Sync {
    /// Board: NAME or DIRECTORY/NAME
    name: String,
    /// Print the sequence that is on the disk as JSON
    #[arg(long)]
    json: bool,
}

impl Sync {
    pub fn run(self, place: &Place) -> Result<()> {
        let sequence = place.reader(&self.name)?.sync()?;
        if self.json {
            json::print(&json!({ "sequence": sequence }))?;
        }
        Ok(())
    }
}
