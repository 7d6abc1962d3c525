//! Tables and plots of the figures of `compare` and the programs beside it:
//! `report [FIGURES [DIRECTORY]]`.
//!
//! It reads FIGURES/*.jsonl (default: target/bench), writes DIRECTORY/RESULTS.md and
//! DIRECTORY/plots (default: bench), and prints the table of the goals.

mod figures;
mod goals;
mod plots;

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use figures::{Figure, Figures};
use goals::{GOALS, reached};

type Failure = Box<dyn std::error::Error>;

const DRAWN: [(&str, &str, &str, &[&str]); 3] = [
    (
        "read alone",
        "A read, with nobody else there",
        "read.svg",
        &[
            "pegel",
            "memcpy",
            "iceoryx2 blackboard",
            "mmap-sync",
            "seqlock crate",
            "robust mutex",
            "System V, semaphore",
            "flocked file",
            "SQLite",
            "Unix socket",
        ],
    ),
    (
        "publish alone",
        "A publication, with nobody else there",
        "publish.svg",
        &[
            "pegel",
            "pegel, stamped",
            "memcpy",
            "iceoryx2 blackboard",
            "mmap-sync",
            "robust mutex",
            "System V, semaphore",
            "flocked file",
            "SQLite",
        ],
    ),
    (
        "flat out: read p99",
        "99 of 100 reads beside a writer flat out take no longer",
        "flat-out.svg",
        &[
            "pegel",
            "iceoryx2 blackboard",
            "iceoryx2 publish-subscribe",
            "mmap-sync",
            "robust mutex",
            "System V, semaphore",
            "flocked file",
        ],
    ),
];
const BARS: [(&str, &str, &str); 4] = [
    (
        "wake-up p50",
        "From a publication to the return of a process that waited",
        "wake.svg",
    ),
    (
        "decode 8 fields, Python",
        "Read and decode a record of 8 fields in Python",
        "python.svg",
    ),
    (
        "decoded snapshot of 8 fields, PHP",
        "Read and decode a record of 8 fields in PHP",
        "php.svg",
    ),
    (
        "added page latency",
        "What a page through nginx and php-fpm takes beyond an empty one",
        "page.svg",
    ),
];

fn main() -> Result<(), Failure> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let source = arguments.next().unwrap_or_else(|| "target/bench".into());
    let directory = arguments.next().unwrap_or_else(|| "bench".into());
    let figures = Figures::read(&source)?;
    fs::create_dir_all(directory.join("plots"))?;
    let mut text = String::from("# Results\n\nWritten by `make bench`. ");
    machine(&mut text)?;
    let versions = figures
        .versions
        .iter()
        .map(|(name, version)| format!("{name} {version}"));
    writeln!(text, "{}.\n", versions.collect::<Vec<_>>().join(", "))?;
    let goals = goals(&figures)?;
    print!("{goals}");
    text.push_str(&goals);
    for (measure, title, file, peers) in DRAWN {
        let path = directory.join("plots").join(file);
        plots::by_size(&figures, measure, title, peers, &path)?;
        picture(&mut text, &path, title, file)?;
    }
    for (measure, title, file) in BARS {
        let path = directory.join("plots").join(file);
        plots::bars(&figures, measure, title, &path)?;
        picture(&mut text, &path, title, file)?;
    }
    tables(&mut text, &figures)?;
    fs::write(directory.join("RESULTS.md"), text)?;
    Ok(())
}

fn picture(
    text: &mut String,
    path: &std::path::Path,
    title: &str,
    file: &str,
) -> Result<(), Failure> {
    if path.exists() {
        writeln!(text, "![{title}](plots/{file})\n")?;
    }
    Ok(())
}

fn machine(text: &mut String) -> Result<(), Failure> {
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown processor", |model| {
        model.trim_matches([' ', '\t', ':'])
    });
    let count = std::thread::available_parallelism()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    write!(
        text,
        "{model}, {count} processors, Linux {}; ",
        kernel.trim()
    )?;
    Ok(())
}

fn goals(figures: &Figures) -> Result<String, Failure> {
    let mut text = String::from(
        "## Goals\n\nEach figure is the median of the rounds, and each ratio that of the \
         rounds' ratios: in a round, all peers take their turn.\n\n\
         | measure | bytes | compared with | reached | goal | |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for goal in &GOALS {
        let sizes: Vec<_> = match goal.sizes {
            [] => vec![None],
            sizes => sizes.iter().copied().map(Some).collect(),
        };
        for size in sizes {
            let bytes = size.map_or_else(String::new, |size| size.to_string());
            let Some((reached, limit, is_enough)) = reached(goal, size, figures) else {
                continue;
            };
            let verdict = if is_enough { "yes" } else { "**no**" };
            let (measure, other) = (goal.measure, goal.other);
            writeln!(
                text,
                "| {measure} | {bytes} | {other} | {reached} | {limit} | {verdict} |"
            )?;
        }
    }
    text.push('\n');
    Ok(text)
}

/// All measures: ratios to Pegel first, then figures.
fn tables(text: &mut String, figures: &Figures) -> Result<(), Failure> {
    let mut measures: Vec<&str> = Vec::new();
    for figure in &figures.all {
        if !measures.contains(&figure.measure.as_str()) {
            measures.push(&figure.measure);
        }
    }
    for measure in measures {
        let own: Vec<&Figure> = figures
            .all
            .iter()
            .filter(|figure| figure.measure == measure)
            .collect();
        let unit = &own[0].unit;
        let unit = if unit.is_empty() {
            String::new()
        } else {
            format!(" ({unit})")
        };
        writeln!(
            text,
            "## {measure}{unit}\n\n| bytes | peer | ratio to pegel | median | least | most | |"
        )?;
        writeln!(text, "| --- | --- | --- | --- | --- | --- | --- |")?;
        for figure in own {
            let bytes = figure
                .size
                .map_or_else(String::new, |size| size.to_string());
            let ratio = figures.ratio(measure, figure.size, &figure.peer, "pegel");
            let ratio = ratio.filter(|ratio| ratio.is_finite());
            let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
            let ((least, most), median) = (figure.spread(), figure.median());
            let [median, least, most] = [median, least, most].map(shown);
            let (peer, note) = (&figure.peer, &figure.note);
            writeln!(
                text,
                "| {bytes} | {peer} | {ratio} | {median} | {least} | {most} | {note} |"
            )?;
        }
        text.push('\n');
    }
    Ok(())
}

fn shown(number: f64) -> String {
    match number.abs() {
        size if size >= 1000.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.3}"),
    }
}
