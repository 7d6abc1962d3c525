//! iceoryx2, as in its documentation: the blackboard, and publish-subscribe with the newest sample.

use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::reader::EntryHandle;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::port::writer::EntryHandleMut;
use iceoryx2::prelude::*;

use super::{Aligned, Peer, Place, Publish, Read, array, sized};

pub const BLACKBOARD: Peer = Peer {
    name: "iceoryx2 blackboard",
    writer: |place| sized!(BlackboardWriter, place),
    reader: |place| sized!(BlackboardReader, place),
    is_contended: true,
    note: "",
};
pub const PUBLISH_SUBSCRIBE: Peer = Peer {
    name: "iceoryx2 publish-subscribe",
    writer: |place| sized!(SamplePublisher, place),
    reader: |place| sized!(SampleSubscriber, place),
    is_contended: true,
    note: "history and buffer of one; a read with nothing new hands out the last sample",
};

const KEY: u64 = 0;

/// A node of a service, which it must outlive.
pub type OwnNode = Node<ipc::Service>;

/// A new node.
pub fn node() -> OwnNode {
    set_log_level(LogLevel::Error);
    NodeBuilder::new().create().expect("a node")
}

/// The name of a service.
pub fn name(place: &Place, kind: &str) -> ServiceName {
    let name = format!("{}/{kind}", place.name());
    name.as_str().try_into().expect("a name")
}

struct BlackboardWriter<const WORDS: usize> {
    entry: EntryHandleMut<ipc::Service, u64, [u64; WORDS]>,
    _node: OwnNode,
}

impl<const WORDS: usize> BlackboardWriter<WORDS> {
    fn new(place: &Place) -> Self {
        let node = node();
        let service = node
            .service_builder(&name(place, "blackboard"))
            .blackboard_creator::<u64>()
            .add::<[u64; WORDS]>(KEY, [0; WORDS])
            .create()
            .expect("a blackboard");
        let writer = service.writer_builder().create().expect("a writer");
        let entry = writer.entry(&KEY).expect("the entry");
        Self { entry, _node: node }
    }
}

impl<const WORDS: usize> Publish for BlackboardWriter<WORDS> {
    fn publish(&mut self, record: &[u64]) {
        self.entry.update_with_copy(*array(record));
    }
}

struct BlackboardReader<const WORDS: usize> {
    entry: EntryHandle<ipc::Service, u64, [u64; WORDS]>,
    record: Aligned<[u64; WORDS]>,
    _node: OwnNode,
}

impl<const WORDS: usize> BlackboardReader<WORDS> {
    fn new(place: &Place) -> Self {
        let node = node();
        let service = node
            .service_builder(&name(place, "blackboard"))
            .blackboard_opener::<u64>()
            .open()
            .expect("the blackboard");
        let reader = service.reader_builder().create().expect("a reader");
        let entry = reader.entry(&KEY).expect("the entry");
        Self {
            entry,
            record: Aligned([0; WORDS]),
            _node: node,
        }
    }
}

impl<const WORDS: usize> Read for BlackboardReader<WORDS> {
    fn read(&mut self) -> &[u64] {
        self.record.0 = *self.entry.get();
        &self.record.0
    }
}

macro_rules! samples {
    ($node:expr, $place:expr) => {
        $node
            .service_builder(&name($place, "samples"))
            .publish_subscribe::<[u64; WORDS]>()
            .history_size(1)
            .subscriber_max_buffer_size(1)
            .enable_safe_overflow(true)
            .open_or_create()
            .expect("a service")
    };
}

struct SamplePublisher<const WORDS: usize> {
    publisher: Publisher<ipc::Service, [u64; WORDS], ()>,
    _node: OwnNode,
}

impl<const WORDS: usize> SamplePublisher<WORDS> {
    fn new(place: &Place) -> Self {
        let node = node();
        let service = samples!(node, place);
        let publisher = service.publisher_builder().create().expect("a publisher");
        Self {
            publisher,
            _node: node,
        }
    }
}

impl<const WORDS: usize> Publish for SamplePublisher<WORDS> {
    fn publish(&mut self, record: &[u64]) {
        let sample = self.publisher.loan_uninit().expect("a sample");
        let sample = sample.write_payload(*array(record));
        sample.send().expect("sent");
    }
}

struct SampleSubscriber<const WORDS: usize> {
    subscriber: Subscriber<ipc::Service, [u64; WORDS], ()>,
    last: Aligned<[u64; WORDS]>,
    _node: OwnNode,
}

impl<const WORDS: usize> SampleSubscriber<WORDS> {
    fn new(place: &Place) -> Self {
        let node = node();
        let service = samples!(node, place);
        let subscriber = service.subscriber_builder().create().expect("a subscriber");
        Self {
            subscriber,
            last: Aligned([0; WORDS]),
            _node: node,
        }
    }
}

impl<const WORDS: usize> Read for SampleSubscriber<WORDS> {
    fn read(&mut self) -> &[u64] {
        while let Some(sample) = self.subscriber.receive().expect("connected") {
            self.last.0 = *sample;
        }
        &self.last.0
    }
}
