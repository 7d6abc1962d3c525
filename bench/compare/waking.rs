//! From a publication to the wake of a process that waited for it, asleep for at least a
//! millisecond.

#![allow(unsafe_code)]

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use iceoryx2::prelude::*;
use memmap2::{MmapOptions, MmapRaw};
use nix::sys::eventfd::EventFd;
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};

use crate::contended::PART;
use crate::figures::Figures;
use crate::peers::iceoryx2::{OwnNode, name, node};
use crate::peers::{self, Place, Publish, Read};
use crate::timing::pin;
use crate::{ROUNDS, Run};

const WAYS: [&str; 6] = [
    "pegel",
    "futex",
    "eventfd",
    "pipe",
    "Unix socket",
    "iceoryx2 event",
];
const TIMES: usize = 150;
const PAUSE: Duration = Duration::from_millis(2);
/// The number that stops the process.
const END: i64 = -1;

fn now() -> i64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("a clock");
    time.num_nanoseconds()
}

/// The memory shared besides the way to wake: the time of sending, and a word to sleep on.
struct Shared(MmapRaw);

impl Shared {
    fn new(directory: &Path) -> Self {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = options
            .open(directory.join("shared"))
            .expect("a file in /dev/shm");
        file.set_len(4096).expect("memory");
        Self(MmapOptions::new().map_raw(&file).expect("a mapping"))
    }

    #[allow(clippy::cast_ptr_alignment)] // a mapping starts on a page
    fn sent(&self) -> &AtomicI64 {
        // SAFETY: mapped for as long as `self`, and used as atomics only.
        unsafe { &*self.0.as_ptr().cast() }
    }

    #[allow(clippy::cast_ptr_alignment)] // on a cache line of its own
    fn word(&self) -> &AtomicU32 {
        // SAFETY: as above.
        unsafe { &*self.0.as_ptr().add(64).cast() }
    }

    fn futex(&self, operation: i32, value: u32) {
        let word = self.word().as_ptr();
        // SAFETY: the word is mapped; the timeout is NULL, so nothing reads it.
        unsafe { libc::syscall(libc::SYS_futex, word, operation, value, 0_usize) };
    }
}

fn event(
    node: &OwnNode,
    place: &Place,
) -> iceoryx2::service::port_factory::event::PortFactory<ipc::Service> {
    let service = node.service_builder(&name(place, "event")).event();
    service.open_or_create().expect("an event")
}

fn place(directory: &Path) -> Place {
    Place {
        directory: directory.to_owned(),
        size: 64,
    }
}

/// The waiting process: prints how many nanoseconds each wake took.
pub fn wait(arguments: &[String]) {
    let [way, directory] = arguments else {
        panic!("a way and a directory")
    };
    pin(0);
    let directory = PathBuf::from(directory);
    let (shared, place) = (Shared::new(&directory), place(&directory));
    let mut input = File::from(
        std::io::stdin()
            .as_fd()
            .try_clone_to_owned()
            .expect("input"),
    );
    let ready = || {
        println!();
        std::io::stdout().flush().expect("a pipe");
    };
    let by_shared = || shared.sent().load(Ordering::Acquire);
    match way.as_str() {
        "pegel" => {
            let mut reader = peers::pegel::Reader::new(&place);
            let mut newest = reader.wait(0);
            ready();
            report(|| {
                newest = reader.wait(newest);
                reader.read()[0].cast_signed()
            });
        }
        "futex" => {
            let mut seen = 0;
            ready();
            report(|| {
                while shared.word().load(Ordering::Acquire) == seen {
                    shared.futex(libc::FUTEX_WAIT, seen);
                }
                seen += 1;
                by_shared()
            });
        }
        "iceoryx2 event" => {
            let node = node();
            let listener = event(&node, &place)
                .listener_builder()
                .create()
                .expect("a listener");
            ready();
            report(|| {
                listener.blocking_wait(|_| ()).expect("an event");
                by_shared()
            });
        }
        _ => {
            ready();
            report(|| {
                input.read_exact(&mut [0; 8]).expect("a wake");
                by_shared()
            });
        }
    }
}

fn report(mut woken: impl FnMut() -> i64) {
    let mut times = Vec::with_capacity(TIMES);
    loop {
        let sent = woken();
        let time = now() - sent;
        if sent == END {
            break;
        }
        times.push(time);
    }
    times.sort_unstable();
    println!(
        "{} {}",
        times[times.len() / 2],
        times[times.len() * 99 / 100]
    );
}

/// One side of a way to wake the other process.
type Wake = Box<dyn FnMut(i64)>;

fn measure_once(directory: &Path, way: &'static str) -> (f64, f64) {
    let (shared, place) = (Shared::new(directory), place(directory));
    shared.word().store(0, Ordering::Release);
    let mut writer: Option<Box<dyn Publish>> = (way == "pegel").then(|| {
        let mut writer = (peers::pegel::STAMPED.writer)(&place);
        writer.publish(&[0; 8]);
        writer
    });
    let mut input = Stdio::null();
    let mut wake: Wake;
    match way {
        "pegel" => {
            let mut writer = writer.take().expect("made above");
            wake = Box::new(move |sent| writer.publish(&[sent.cast_unsigned(); 8]));
        }
        "futex" => {
            let shared = Shared::new(directory);
            wake = Box::new(move |sent| {
                shared.sent().store(sent, Ordering::Release);
                shared.word().fetch_add(1, Ordering::Release);
                shared.futex(libc::FUTEX_WAKE, 1);
            });
        }
        "eventfd" => {
            let event = EventFd::new().expect("an event");
            let other = event.as_fd().try_clone_to_owned().expect("a descriptor");
            input = other.into();
            wake = Box::new(move |sent| {
                shared.sent().store(sent, Ordering::Release);
                event.write(1).expect("a wake");
            });
        }
        "pipe" => {
            let (reading, mut writing) = std::io::pipe().expect("a pipe");
            input = reading.into();
            wake = Box::new(move |sent| {
                shared.sent().store(sent, Ordering::Release);
                writing.write_all(&[1; 8]).expect("a wake");
            });
        }
        "Unix socket" => {
            let (other, mut own) = UnixStream::pair().expect("sockets");
            input = OwnedFd::from(other).into();
            wake = Box::new(move |sent| {
                shared.sent().store(sent, Ordering::Release);
                own.write_all(&[1; 8]).expect("a wake");
            });
        }
        _ => {
            let node = node();
            let notifier = event(&node, &place)
                .notifier_builder()
                .create()
                .expect("a notifier");
            wake = Box::new(move |sent| {
                let _node = &node;
                shared.sent().store(sent, Ordering::Release);
                notifier.notify().expect("a wake");
            });
        }
    }
    let mut child = Command::new(env::current_exe().expect("the path of this program"))
        .env(PART, "wait")
        .arg(way)
        .arg(directory)
        .stdin(input)
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program starts again");
    let mut output = child.stdout.take().expect("a pipe");
    output.read_exact(&mut [0]).expect("a waiting process");
    for _ in 0..TIMES {
        thread::sleep(PAUSE);
        wake(now());
    }
    thread::sleep(PAUSE);
    wake(END);
    let mut text = String::new();
    output.read_to_string(&mut text).expect("its report");
    assert!(child.wait().expect("its end").success(), "{way}");
    let mut numbers = text
        .split_whitespace()
        .map(|number| number.parse().expect("a number"));
    let mut number = || numbers.next().expect("two numbers");
    (number(), number())
}

/// Measures all ways, one after the other in each round.
pub fn measure(run: &Run, figures: &mut Figures) {
    pin(1);
    for _ in 0..ROUNDS {
        for way in WAYS {
            let (p50, p99) = measure_once(&run.directory(way), way);
            figures.add("wake-up p50", None, way, "us", p50 / 1000.0);
            figures.add("wake-up p99", None, way, "us", p99 / 1000.0);
        }
    }
}
