use clap::Args;
use pegel_program::failure::Result;
use pegel_program::json;
use pegel_program::target::Target;
use serde_json::json;

/// Sync the newest record of a durable board to disk
#[derive(Args)]
pub struct Sync {
    /// Board: NAME or DIRECTORY/NAME
    name: String,
    /// Print the synced sequence as JSON
    #[arg(long)]
    json: bool,
}

impl Sync {
    pub fn run(self, target: &Target) -> Result<()> {
        let sequence = target.reader(&self.name)?.sync()?;
        if self.json {
            json::print(&json!({ "sequence": sequence }))?;
        }
        Ok(())
    }
}
