//! The items that clients monitor: those without a filter, and the memory of large values.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard};

use opcua::server::{CreateMonitoredItem, MonitoredItemHandle};

/// The most memory of monitored values, in bytes: the library copies a value for each item.
const MOST: usize = 32 << 20;
/// From how many bytes on a value is large.
const LARGE: usize = 1024;

#[derive(Default)]
pub struct Monitored(Mutex<Items>);

#[derive(Default)]
pub struct Items {
    /// The items that are monitored without a filter. The library reports to them a new value, but
    /// not a new status of the same value, as OPC 10000-4 demands. So they get no value first and
    /// then the same value; their queue of one keeps the last.
    pub unfiltered: HashSet<MonitoredItemHandle>,
    /// The memory of the items whose values are large.
    large: HashMap<MonitoredItemHandle, usize>,
}

impl Monitored {
    pub fn items(&self) -> MutexGuard<'_, Items> {
        self.0.lock().expect("no thread panics with it")
    }
}

impl Items {
    /// Whether there is memory for an item. One that is large keeps its newest value alone.
    pub fn admit(&mut self, item: &mut CreateMonitoredItem, memory: usize) -> bool {
        if memory >= LARGE {
            if self.large.values().sum::<usize>() + memory > MOST {
                return false;
            }
            self.large.insert(item.handle(), memory);
            item.revise_queue_size(1);
        }
        // The library does not export the name of this type.
        if format!("{:?}", item.filter()) == "None" {
            self.unfiltered.insert(item.handle());
            item.revise_queue_size(1);
        }
        true
    }

    pub fn remove(&mut self, item: MonitoredItemHandle) {
        self.unfiltered.remove(&item);
        self.large.remove(&item);
    }
}
