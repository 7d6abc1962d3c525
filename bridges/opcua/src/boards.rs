//! The boards in the address space of the server: reading, writing and monitoring.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use opcua::server::address_space::{AddressSpace, add_namespaces};
use opcua::server::diagnostics::NamespaceMetadata;
use opcua::server::node_manager::memory::{InMemoryNodeManager, InMemoryNodeManagerImpl};
use opcua::server::node_manager::{
    MonitoredItemRef, ParsedReadValueId, RequestContext, ServerContext, WriteNode,
};
use opcua::server::{CreateMonitoredItem, SubscriptionCache};
use opcua::sync::RwLock as SpaceLock;
use opcua::types::{
    AttributeId, DataValue, IdType, NodeId, StatusCode, TimestampsToReturn, Variant,
};
use pegel::Field;
use pegel::dynamic::Reader;
use pegel_program::status::Status;

use crate::board_view::{BoardView, Look, without_value};
use crate::monitored::Monitored;
use crate::nodes;
use crate::values;
use crate::write::{self, Write};

/// The namespace of the boards' nodes.
const NAMESPACE: &str = "urn:pegel:boards";

/// All boards that exist, by name.
pub struct Boards {
    namespace: u16,
    views: RwLock<HashMap<String, Arc<BoardView>>>,
    /// How long a write waits for the writer lock.
    timeout: Duration,
    status: Arc<Status>,
    monitored: Monitored,
}

/// The most memory of the values that one request reads, in bytes.
const READ: usize = 2 << 20;

/// The node manager of the boards.
pub type Manager = InMemoryNodeManager<Boards>;

impl Boards {
    pub fn new(
        context: &ServerContext,
        space: &mut AddressSpace,
        timeout: Duration,
        status: Arc<Status>,
    ) -> Self {
        let namespace = add_namespaces(context, space, &[NAMESPACE])[0];
        nodes::insert_folder(space, namespace);
        Self {
            namespace,
            views: RwLock::default(),
            timeout,
            status,
            monitored: Monitored::default(),
        }
    }

    fn find(&self, board: &str) -> Option<Arc<BoardView>> {
        let views = self.views.read().expect("no thread panics with the lock");
        views.get(board).cloned()
    }

    fn put(&self, board: &str, fresh: Option<Arc<BoardView>>) -> Option<Arc<BoardView>> {
        let mut views = self.views.write().expect("no thread panics with the lock");
        match fresh {
            Some(fresh) => views.insert(board.to_owned(), fresh),
            None => views.remove(board),
        }
    }

    fn read(&self, node: &NodeId, looks: &mut Looks) -> Option<DataValue> {
        let (board, field) = nodes::field_of(node)?;
        if looks.memory > READ {
            return Some(without_value(StatusCode::BadEncodingLimitsExceeded));
        }
        let (view, look) = looks
            .boards
            .entry(board.to_owned())
            .or_insert_with(|| {
                let view = self.find(board)?;
                let look = view.look();
                Some((view, look))
            })
            .as_ref()?;
        let field = view.reader.schema().field(field).ok()?;
        let value = match look {
            Ok(look) => look.value(field),
            Err(status) => without_value(*status),
        };
        looks.memory += match &value.value {
            Some(Variant::String(text)) => text.as_ref().len(),
            Some(Variant::ByteString(bytes)) => bytes.as_ref().len(),
            _ => values::memory(field),
        };
        Some(value)
    }
}

/// The records that answer a request: one of each board, whatever is published in the meantime.
type Newest = (Arc<BoardView>, Result<Look, StatusCode>);

#[derive(Default)]
struct Looks {
    boards: HashMap<String, Option<Newest>>,
    /// The memory of the values read so far, in bytes.
    memory: usize,
}

/// Shows a board, or the one that replaces it; `None` removes it.
pub fn show(
    manager: &Manager,
    subscriptions: &SubscriptionCache,
    board: &str,
    fresh: Option<Arc<BoardView>>,
) {
    let boards = manager.inner();
    let schema = |view: &Arc<BoardView>| view.reader.schema().clone();
    let new = fresh.as_ref().map(schema);
    let is_writable = fresh.as_ref().is_some_and(|view| view.policy.is_writable);
    let old = boards.put(board, fresh).as_ref().map(schema);
    if old == new {
        return;
    }
    let namespace = boards.namespace;
    {
        let mut space = manager.address_space().write();
        if let Some(old) = &old {
            nodes::remove(&mut space, namespace, board, old);
        }
        if let Some(new) = &new {
            nodes::insert(&mut space, namespace, board, new, is_writable);
        }
    }
    if let Some(old) = &old {
        let is_left = |field: &&Field| {
            let new = new.as_ref();
            new.is_none_or(|new| new.field(&field.name).is_err())
        };
        let left = old.fields().iter().filter(is_left);
        let unknown = |field| (field, without_value(StatusCode::BadNodeIdUnknown));
        boards.notify(subscriptions, board, left.map(unknown), true);
    }
}

/// Sends the newest record to the subscriptions.
pub fn notify(
    manager: &Manager,
    subscriptions: &SubscriptionCache,
    reader: &Reader,
    look: &Result<Look, StatusCode>,
    is_new_status: bool,
) {
    let fields = reader.schema().fields().iter();
    let values = fields.map(|field| match look {
        Ok(look) => (field, look.value(field)),
        Err(status) => (field, without_value(*status)),
    });
    let boards = manager.inner();
    boards.notify(subscriptions, reader.board(), values, is_new_status);
}

impl Boards {
    fn notify<'schema>(
        &self,
        subscriptions: &SubscriptionCache,
        board: &str,
        values: impl Iterator<Item = (&'schema Field, DataValue)>,
        is_new_status: bool,
    ) {
        let name = |(field, value): (&Field, _)| {
            (nodes::of_field(self.namespace, board, &field.name), value)
        };
        let values: Vec<_> = values.map(name).collect();
        let monitored = self.monitored.items();
        // The notifier sends when it is dropped, so that one record is one message.
        let mut notifier = subscriptions.data_notifier();
        for (id, value) in &values {
            let Some(mut batch) = notifier.notify_for(id, AttributeId::Value) else {
                continue;
            };
            for (item, _) in batch.entries() {
                if is_new_status && monitored.unfiltered.contains(item) {
                    batch.data_value_to_item(without_value(value.status()), item);
                }
                batch.data_value_to_item(value.clone(), item);
            }
        }
    }

    /// The most memory that a value of a node takes.
    fn memory(&self, node: &NodeId) -> usize {
        let found = nodes::field_of(node).and_then(|(board, field)| {
            let view = self.find(board)?;
            let field = view.reader.schema().field(field).ok()?;
            Some(values::memory(field))
        });
        found.unwrap_or_default()
    }
}

#[async_trait]
impl InMemoryNodeManagerImpl for Boards {
    async fn init(&self, _space: &mut AddressSpace, _context: ServerContext) {}

    fn name(&self) -> &'static str {
        "pegel"
    }

    fn namespaces(&self) -> Vec<NamespaceMetadata> {
        vec![NamespaceMetadata {
            namespace_uri: NAMESPACE.to_owned(),
            namespace_index: self.namespace,
            is_namespace_subset: Some(false),
            static_node_id_types: Some(vec![IdType::String]),
            ..NamespaceMetadata::default()
        }]
    }

    async fn read_values(
        &self,
        context: &RequestContext,
        space: &SpaceLock<AddressSpace>,
        wanted: &[&ParsedReadValueId],
        max_age: f64,
        timestamps: TimestampsToReturn,
    ) -> Vec<DataValue> {
        let space = space.read();
        let mut looks = Looks::default();
        let mut read = |node: &ParsedReadValueId| {
            if let Err(status) = space.validate_node_read(context, node) {
                return without_value(status);
            }
            match self.read(&node.node_id, &mut looks) {
                Some(value) => part(value, node, timestamps),
                None => space.read(context, node, max_age, timestamps),
            }
        };
        wanted.iter().map(|node| read(node)).collect()
    }

    #[allow(clippy::mut_mut)] // as the library calls it
    async fn create_value_monitored_items(
        &self,
        context: &RequestContext,
        space: &SpaceLock<AddressSpace>,
        items: &mut [&mut &mut CreateMonitoredItem],
    ) {
        let wanted: Vec<_> = items.iter().map(|item| item.item_to_monitor()).collect();
        let both = TimestampsToReturn::Both;
        let values = self.read_values(context, space, &wanted, 0.0, both).await;
        for (value, item) in values.into_iter().zip(items.iter_mut()) {
            if value.status() == StatusCode::BadNodeIdUnknown {
                continue;
            }
            let memory = self.memory(&item.item_to_monitor().node_id);
            if !self.monitored.items().admit(item, memory) {
                item.set_status(StatusCode::BadTooManyMonitoredItems);
                continue;
            }
            // Sampling would send an unchanged value again, with another time than that of its
            // publication. So changes are sent as they come; the follower keeps the minimum
            // interval.
            if item.sampling_interval() > 0.0 {
                item.revise_sampling_interval(AT_ONCE);
            }
            item.set_initial_value(value);
            item.set_status(StatusCode::Good);
        }
    }

    async fn delete_monitored_items(&self, _context: &RequestContext, items: &[&MonitoredItemRef]) {
        let mut monitored = self.monitored.items();
        for item in items {
            monitored.remove(item.handle());
        }
    }

    async fn write(
        &self,
        context: &RequestContext,
        space: &SpaceLock<AddressSpace>,
        wanted: &mut [&mut WriteNode],
    ) -> Result<(), StatusCode> {
        // By board: the values that one request writes to a board are one record.
        let mut requests: HashMap<String, Request> = HashMap::new();
        for (index, node) in wanted.iter_mut().enumerate() {
            let field = nodes::field_of(&node.value().node_id);
            let board = field.map_or_else(String::new, |(board, _)| board.to_owned());
            let request = requests.entry(board).or_default();
            match self.change(context, space, node) {
                Ok((path, write)) => {
                    request.path = path;
                    request.writes.push(write);
                    request.indices.push(index);
                }
                Err(status) => {
                    request.is_rejected = true;
                    node.set_status(status);
                }
            }
        }
        for request in requests.into_values() {
            let (timeout, count) = (self.timeout, request.indices.len());
            let statuses = if request.is_rejected {
                vec![write::NOT_APPLIED; count]
            } else {
                // Publishing waits for the writer lock.
                let publish = move || write::publish(&request.path, &request.writes, timeout);
                let published = tokio::task::spawn_blocking(publish).await;
                published.unwrap_or_else(|_| vec![StatusCode::BadInternalError; count])
            };
            let is_good = statuses.iter().all(StatusCode::is_good) && !request.is_rejected;
            self.status
                .add(if is_good { "accepted" } else { "rejected" }, 1);
            for (index, status) in request.indices.into_iter().zip(statuses) {
                wanted[index].set_status(status);
            }
        }
        Ok(())
    }
}

/// What one request writes to a board.
#[derive(Default)]
struct Request {
    /// The board as the library opens it.
    path: String,
    writes: Vec<Write>,
    /// The place of each write in the request.
    indices: Vec<usize>,
    /// Whether one of its values must not be written.
    is_rejected: bool,
}

/// Milliseconds: as good as 0, to which the library does not revise an interval.
const AT_ONCE: f64 = 0.0005;

impl Boards {
    /// The board of a value that a client writes, and the value, if the client has the right to
    /// write it.
    fn change(
        &self,
        context: &RequestContext,
        space: &SpaceLock<AddressSpace>,
        node: &WriteNode,
    ) -> Result<(String, Write), StatusCode> {
        let wanted = node.value();
        let type_tree = context.type_tree.read();
        space
            .write()
            .validate_node_write(context, wanted, &*type_tree)?;
        let field = nodes::field_of(&wanted.node_id);
        let (AttributeId::Value, Some((board, field))) = (wanted.attribute_id, field) else {
            return Err(StatusCode::BadNotWritable);
        };
        let view = self.find(board).ok_or(StatusCode::BadNodeIdUnknown)?;
        let write = Write {
            field: field.to_owned(),
            value: wanted.value.value.clone().unwrap_or_default(),
            range: wanted.index_range.clone(),
        };
        Ok((view.policy.board.clone(), write))
    }
}

/// The elements and timestamps of a value that a client wants.
fn part(
    mut value: DataValue,
    wanted: &ParsedReadValueId,
    timestamps: TimestampsToReturn,
) -> DataValue {
    if let Some(whole) = value.value.take() {
        match whole.range_of_owned(&wanted.index_range) {
            Ok(range) => value.value = Some(range),
            Err(status) => value.status = Some(status),
        }
    }
    let both = TimestampsToReturn::Both;
    if ![TimestampsToReturn::Source, both].contains(&timestamps) {
        value.source_timestamp = None;
    }
    if ![TimestampsToReturn::Server, both].contains(&timestamps) {
        value.server_timestamp = None;
    }
    value
}
