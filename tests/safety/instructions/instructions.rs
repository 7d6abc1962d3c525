//! A writer that is stopped, and killed, at every instruction of Pegel's code.
//!
//! A process does one thing to a board, and this one steps it through that, instruction by
//! instruction (`ptrace`). At each instruction this process reads: the record before or the one
//! after, at once, and never anything else. At each instruction a successor also takes over what a
//! crash there would leave: a copy of the files, since shared memory and names are all that
//! outlives a process. The successor publishes at once, with a new sequence, and counts as one more
//! writer. That a crash leaves exactly that is shown by killing real processes, at every
//! instruction, too, or at KILLS of them.
//!
//! `instructions [EVERY] [KILLS]`: with EVERY, successors take over at each EVERY-th instruction
//! only. Prints what was covered.

mod act;

use std::collections::HashMap;
use std::env;
use std::io::Write;
use std::process::{Child, Command, Stdio, exit};
use std::time::Duration;

use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use pegel::dynamic::{Reader, Writer};
use pegel::{ErrorKind, Options};

use self::act::{ACTS, AFTER, Act, BEFORE, act, record, schema};

/// A process that is stepped through an act.
struct Stepped {
    child: Child,
    pid: Pid,
    code: std::ops::Range<u64>,
}

impl Stepped {
    /// Starts the process, up to the instruction where the act begins.
    fn start(act: Act, board: &str, words: usize) -> Self {
        let mut child = Command::new("/proc/self/exe")
            .args([&format!("{act:?}"), board, &words.to_string()])
            .stdin(Stdio::piped())
            .spawn()
            .expect("this program again");
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
        ptrace::seize(pid, ptrace::Options::PTRACE_O_EXITKILL).expect("to trace it");
        child
            .stdin
            .as_mut()
            .expect("its input")
            .write_all(b"!")
            .expect("to send a line");
        let mut stepped = Self {
            child,
            pid,
            code: 0..0,
        };
        stepped.wait_for_stop();
        stepped.code = code_of(pid);
        if act.is_publication() {
            ptrace::cont(pid, None).expect("it goes on");
            stepped.wait_for_stop();
        }
        stepped
    }

    fn wait_for_stop(&mut self) {
        match waitpid(self.pid, Some(WaitPidFlag::__WALL)) {
            Ok(WaitStatus::Stopped(_, Signal::SIGSTOP)) => {}
            other => panic!("it was to stop, and did this: {other:?}"),
        }
    }

    /// Steps one instruction of Pegel's code; `false` when the act is over.
    fn step(&mut self) -> bool {
        loop {
            ptrace::step(self.pid, None).expect("to step");
            match waitpid(self.pid, Some(WaitPidFlag::__WALL)) {
                Ok(WaitStatus::Stopped(_, Signal::SIGTRAP)) => {
                    let at = ptrace::getregs(self.pid).expect("its registers").rip;
                    if self.code.contains(&at) {
                        return true;
                    }
                }
                Ok(WaitStatus::Stopped(_, Signal::SIGSTOP)) => return false,
                other => panic!("it was to step, and did this: {other:?}"),
            }
        }
    }

    /// The position in Pegel's code.
    fn place(&self) -> u64 {
        let at = ptrace::getregs(self.pid).expect("its registers").rip;
        at.wrapping_sub(self.code.start)
    }

    /// Steps to the n-th visit of a position in Pegel's code; `false` at the end of the act, if the
    /// act visits the position less often by chance.
    fn run_to(&mut self, place: u64, times: usize) -> bool {
        let at = self.code.start + place;
        let word = at as ptrace::AddressType;
        let pid = self.pid;
        let code = ptrace::read(pid, word).expect("its code");
        let set = |code| ptrace::write(pid, word, code).expect("to change its code");
        let breakpoint = code & !0xff | 0xcc;
        for _ in usize::from(self.place() == place)..times {
            if self.place() == place && !self.step() {
                return false;
            }
            set(breakpoint);
            ptrace::cont(self.pid, None).expect("it goes on");
            match waitpid(self.pid, Some(WaitPidFlag::__WALL)) {
                Ok(WaitStatus::Stopped(_, Signal::SIGTRAP)) => {}
                Ok(WaitStatus::Stopped(_, Signal::SIGSTOP)) => return false,
                other => panic!("it was to come to {place:x}, and did this: {other:?}"),
            }
            set(code);
            let mut registers = ptrace::getregs(self.pid).expect("its registers");
            registers.rip = at;
            ptrace::setregs(self.pid, registers).expect("to set it back");
        }
        true
    }

    fn kill(mut self) {
        self.child.kill().expect("to kill it");
        self.child.wait().expect("its end");
    }
}

/// The range of the program's own code in a process, without the C library and the kernel.
fn code_of(pid: Pid) -> std::ops::Range<u64> {
    let program = std::fs::read_link(format!("/proc/{pid}/exe")).expect("its program");
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("its maps");
    let line = maps.lines().find(|line| {
        line.contains(" r-xp ") && line.ends_with(program.to_str().expect("a plain path"))
    });
    let (range, _) = line
        .and_then(|line| line.split_once(' '))
        .expect("its code");
    let (start, end) = range.split_once('-').expect("a range");
    let number = |text| u64::from_str_radix(text, 16).expect("an address");
    number(start)..number(end)
}

/// The scene of one act, in a separate directory.
struct Scene {
    directory: tempfile::TempDir,
    act: Act,
    words: usize,
}

impl Scene {
    fn new(act: Act, words: usize) -> Self {
        let directory = tempfile::tempdir_in("/dev/shm").expect("a directory");
        let scene = Self {
            directory,
            act,
            words,
        };
        if act != Act::Create {
            let mut writer = scene.create();
            writer
                .publish(&record(words, BEFORE))
                .expect("the record before");
        }
        scene
    }

    fn board(&self) -> String {
        format!("{}/board", self.directory.path().display())
    }

    /// The files that would be left if all processes crashed now.
    fn copy(&self) -> Self {
        let copy = Self {
            directory: tempfile::tempdir_in("/dev/shm").expect("a directory"),
            ..*self
        };
        for file in std::fs::read_dir(&self.directory).expect("the directory") {
            let file = file.expect("a file");
            let place = copy.directory.path().join(file.file_name());
            std::fs::copy(file.path(), place).expect("to copy it");
        }
        copy
    }

    fn create(&self) -> Writer {
        Writer::create(
            &self.board(),
            &schema(self.words, false),
            &Options::default(),
        )
        .expect("a free board")
    }

    /// Reads with a reader that was opened before, and with a new one.
    fn check(&self, early: Option<&Reader>) {
        if let Some(early) = early {
            let mut payload = vec![0; self.words * 8];
            if early.read_fast(&mut payload) {
                let whole = [BEFORE, AFTER].map(|word| record(self.words, word));
                assert!(whole.contains(&payload), "{payload:?}");
            }
            match early.read() {
                Ok(now) => self.check_record(now.bytes(), now.stamp().sequence),
                Err(error) => assert!(
                    self.act == Act::Replace && error.kind() == ErrorKind::Gone,
                    "{error}"
                ),
            }
        }
        match Reader::open(&self.board()).and_then(|reader| reader.read()) {
            Ok(now) => self.check_record(now.bytes(), now.stamp().sequence),
            Err(error) => {
                let kinds = [ErrorKind::NotFound, ErrorKind::Empty];
                assert!(
                    self.act == Act::Create && kinds.contains(&error.kind()),
                    "{error}"
                );
            }
        }
    }

    fn check_record(&self, bytes: &[u8], sequence: u64) {
        let (words, _) = bytes.split_at(self.words * 8);
        let before = self.act.before();
        let word = match sequence {
            _ if sequence == before => BEFORE,
            _ if sequence == before + 1 && self.act.is_publication() => AFTER,
            _ => panic!("{:?}: {sequence} was never published", self.act),
        };
        assert_eq!(words, record(self.words, word), "sequence {sequence}");
    }

    /// Lets a successor take over from a killed writer, and checks what it finds and does.
    fn succeed(&self) {
        let before = Reader::open(&self.board())
            .ok()
            .map(|reader| (reader.sequence().unwrap(), reader.info().generation));
        let mut successor = if before.is_some() {
            Writer::open(&self.board(), Some(Duration::ZERO)).expect("the dead let go")
        } else {
            self.create()
        };
        let (sequence, generation) = before.unwrap_or((0, 0));
        assert_eq!(successor.reader().info().generation, generation + 1);
        let mut next = record(self.words, AFTER);
        next.resize(successor.reader().info().record_size, 0);
        let published = successor.publish(&next).expect("nothing is in the way");
        assert_eq!(published, sequence + 1);
        let now = Reader::open(&self.board()).and_then(|reader| reader.read());
        assert_eq!(now.expect("the successor's record").bytes(), next);
    }
}

/// Stops at each instruction and reads; at each EVERY-th, a successor takes over. Returns the
/// positions and the number of successors.
fn stop_everywhere(act: Act, words: usize, every: usize) -> (Vec<u64>, usize) {
    let scene = Scene::new(act, words);
    let early = Reader::open(&scene.board()).ok();
    let mut stepped = Stepped::start(act, &scene.board(), words);
    let (mut instructions, mut successors) = (Vec::new(), 0);
    loop {
        scene.check(early.as_ref());
        if instructions.len() % every == 0 {
            scene.copy().succeed();
            successors += 1;
        }
        if !stepped.step() {
            break;
        }
        instructions.push(stepped.place());
    }
    scene.check(early.as_ref());
    stepped.kill();
    (instructions, successors)
}

/// Kills at some of the instructions. Returns how many kills happened.
fn kill_all_over(act: Act, words: usize, instructions: &[u64], kills: usize) -> usize {
    let mut times = HashMap::new();
    let nth = instructions.iter().map(|place| {
        let times = times.entry(place).or_insert(0);
        *times += 1;
        (*place, *times)
    });
    let nth: Vec<_> = nth.collect();
    let mut killed = 0;
    for kill in 0..kills {
        let scene = Scene::new(act, words);
        let mut stepped = Stepped::start(act, &scene.board(), words);
        let (place, times) = nth[kill * nth.len() / kills];
        killed += usize::from(stepped.run_to(place, times));
        stepped.kill();
        scene.check(None);
        scene.succeed();
    }
    killed
}

fn main() {
    let arguments: Vec<_> = env::args().collect();
    if let [_, name, board, words] = &*arguments {
        let found = ACTS.into_iter().find(|act| format!("{act:?}") == *name);
        act(
            found.expect("an act"),
            board,
            words.parse().expect("a number"),
        );
        exit(0);
    }
    let number = |index: usize, usual| {
        let given = arguments.get(index).map(|text| text.parse());
        given.map_or(usual, |number| number.expect("a number"))
    };
    let (every, most_kills) = (number(1, 1), number(2, usize::MAX));
    println!("act               bytes  instructions  successors  kills");
    for words in [8, 128] {
        for act in ACTS {
            let (places, successors) = stop_everywhere(act, words, every);
            let instructions = places.len();
            assert!(instructions > 20, "{act:?} was over too soon");
            let kills = most_kills.min(instructions);
            let kills = kill_all_over(act, words, &places, kills);
            let (act, bytes) = (format!("{act:?}"), words * 8);
            println!("{act:16} {bytes:>6} {instructions:>13} {successors:>11} {kills:>6}");
        }
    }
}
