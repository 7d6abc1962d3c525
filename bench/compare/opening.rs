//! Opening, a first read, and closing: the cost for a program that reads once, and for one that
//! does so again and again. And the memory of a board.

use std::fs::{self, File};
use std::hint::black_box;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::{Duration, Instant};

use crate::contended::{part, peer_and_place};
use crate::figures::Figures;
use crate::peers::{self, Buffer, Peer, Place, Read};
use crate::timing::{nanoseconds, pin};
use crate::{ROUNDS, Run};

const PAGE: f64 = 4096.0;
/// Processes a round, each of which opens for the first time.
const STARTS: usize = 5;

/// Measures the peers that are opened by name.
pub fn measure(run: &Run, figures: &mut Figures) {
    pin(0);
    let size = 256;
    let names = ["pegel, stamped", "iceoryx2 blackboard", "mmap-sync"];
    let mut open: Vec<_> = names
        .map(|name| {
            let (peer, directory) = (peers::find(name), run.directory(name));
            let place = Place { directory, size };
            let mut writer = (peer.writer)(&place);
            writer.publish(&Buffer::new(size, 7));
            let kept = (peer.reader)(&place);
            (peer, place, writer, kept)
        })
        .into();
    let path = run.directory("file").join("file");
    fs::write(&path, [7; 256]).expect("a file in /dev/shm");
    for _ in 0..ROUNDS {
        for (peer, place, _, kept) in &mut open {
            let once = nanoseconds(Duration::from_millis(2), || {
                black_box((peer.reader)(place).read());
            });
            let name = shown(peer);
            figures.add("open, read, close", size, name, "ns", once);
            let reader = nanoseconds(Duration::from_millis(1), || {
                black_box(kept.read());
            });
            figures.add("read, kept open", size, name, "ns", reader);
        }
        for (peer, place, ..) in &open {
            let mut times: Vec<_> = (0..STARTS).map(|_| in_a_new_process(peer, place)).collect();
            times.sort_unstable_by(f64::total_cmp);
            let measure = "open, read, close, in a new process";
            figures.add(measure, size, shown(peer), "ns", times[STARTS / 2]);
        }
        let place = &open[0].1;
        let again = nanoseconds(Duration::from_millis(2), || {
            black_box(peers::pegel::Reader::kept(place).read());
        });
        let measure = "open, read, close, kept by the process";
        figures.add(measure, size, "pegel", "ns", again);
        let once = nanoseconds(Duration::from_millis(2), || {
            let file = File::open(&path).expect("the file");
            file.lock_shared().expect("a lock");
            let mut record = [0; 256];
            file.read_exact_at(&mut record, 0).expect("a record");
            black_box(record);
        });
        figures.add("open, read, close", size, "open, flock, pread", "ns", once);
    }
    let board = &open[0].1;
    let mut sizes: Vec<_> = fs::read_dir(&board.directory)
        .expect("the directory")
        .map(|entry| entry.and_then(|entry| entry.metadata()).expect("a file"))
        .map(|file| file.blocks() * 512)
        .collect();
    sizes.sort_unstable();
    assert!(
        sizes.len() == 2 && sizes[0] == 0,
        "a file, and an empty lock: {sizes:?}"
    );
    for _ in 0..ROUNDS {
        #[allow(clippy::cast_precision_loss)] // a few pages
        let pages = sizes[1] as f64 / PAGE;
        figures.add("memory", size, "pegel", "pages", pages);
    }
}

/// How a board was written makes no difference to readers.
fn shown(peer: &Peer) -> &'static str {
    if peer.name.starts_with("pegel") {
        "pegel"
    } else {
        peer.name
    }
}

#[allow(clippy::cast_precision_loss)] // far below 2^52
fn in_a_new_process(peer: &Peer, place: &Place) -> f64 {
    let output = part("open", peer, place)
        .output()
        .expect("this program starts again");
    let text = String::from_utf8(output.stdout).expect("a number");
    text.trim().parse().expect("a number")
}

/// Opens, reads and closes once, and prints how many nanoseconds that took.
pub fn open_once(arguments: &[String]) {
    let (peer, place) = peer_and_place(arguments);
    pin(0);
    // In a program that is linked to the library, it is loaded by then.
    peers::pegel::load();
    let start = Instant::now();
    black_box((peer.reader)(&place).read());
    println!("{}", start.elapsed().as_nanos());
}
