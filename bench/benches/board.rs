//! Reading and publishing while no other process uses the board, beside a plain copy of the bytes.

#![allow(missing_docs)] // criterion's macros make public functions

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pegel_bench::Boards;

fn boards(criterion: &mut Criterion) {
    let boards = Boards::default();
    for size in [64, 1024, 4096, 65_536] {
        let mut group = criterion.benchmark_group(format!("{size} bytes"));
        group.throughput(Throughput::Bytes(size.into()));
        let mut writer = boards.create(&format!("r{size}"), size, 0);
        let record = vec![7; size as usize];
        writer
            .publish(&record)
            .expect("a record of the board's size");
        let mut copy = record.clone();
        group.bench_function(BenchmarkId::from_parameter("memcpy"), |bencher| {
            bencher.iter(|| black_box(&mut copy).copy_from_slice(black_box(&record)));
        });
        group.bench_function(BenchmarkId::from_parameter("read"), |bencher| {
            bencher.iter(|| writer.reader().copy_into(black_box(&mut copy)));
        });
        group.bench_function(BenchmarkId::from_parameter("read with stamp"), |bencher| {
            bencher.iter(|| writer.reader().read_into(black_box(&mut copy)));
        });
        group.bench_function(BenchmarkId::from_parameter("publish"), |bencher| {
            bencher.iter(|| writer.publish(black_box(&record)));
        });
        group.finish();
    }
}

criterion_group!(benches, boards);
criterion_main!(benches);
