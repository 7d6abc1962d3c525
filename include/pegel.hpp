// Pegel in C++: the declarations of pegel.h, which is the manual, with C linkage; and from C++17
// on, handles that close themselves:
//
//     const pegel_field fields[] = {{"level", "m", PEGEL_F64, 0, 0, 0}};
//     pegel::Writer::create("tank", fields).publish(3.21);
//     auto tank = pegel::Reader("tank").read<double>();
//     std::cout << tank.record << " m, " << tank.stamp.age_ns << " ns old\n";
//
// A record is a struct of plain members, as `pegel gen c NAME` prints it; a document is a
// std::string. A function that fails throws pegel::Error, whose status is for code and whose text
// is for people. As in C, threads can share a Reader; a Writer needs one thread at a time, and
// cannot publish in a forked child.

#ifndef PEGEL_HPP
#define PEGEL_HPP

#include <stddef.h>
#include <stdint.h>

extern "C" {
#include "pegel.h"
}

#if __cplusplus >= 201703L

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace pegel {

using Timeout = std::optional<std::chrono::nanoseconds>; // nullopt waits forever

class Error : public std::runtime_error {
public:
  explicit Error(pegel_status status)
      : std::runtime_error(pegel_error_message()), status_(status) {}
  pegel_status status() const noexcept { return status_; }

private:
  pegel_status status_;
};

namespace detail {

inline void check(pegel_status status) {
  if (status != PEGEL_OK) {
    throw Error(status);
  }
}

inline int64_t nanoseconds(Timeout timeout) {
  // A deadline that has passed does not wait.
  return timeout ? std::max<int64_t>(timeout->count(), 0) : int64_t{PEGEL_FOREVER};
}

struct Close {
  void operator()(pegel_reader *reader) const { pegel_reader_close(reader); }
  void operator()(pegel_writer *writer) const { pegel_writer_close(writer); }
};

} // namespace detail

// A record or a document, and what is known about it.
template <typename Record> struct Snapshot {
  Record record;
  pegel_stamp stamp;
};

class Reader {
public:
  explicit Reader(const std::string &board) {
    pegel_reader *reader = nullptr;
    detail::check(pegel_reader_open(board.c_str(), &reader));
    reader_.reset(reader);
  }

  // For a program that was built for these fields, of which the board can have another version.
  template <size_t count>
  Reader(const std::string &board, const pegel_field (&fields)[count],
         const char *details = nullptr) {
    pegel_reader *reader = nullptr;
    detail::check(pegel_reader_open_as(board.c_str(), fields, count, details, &reader));
    reader_.reset(reader);
  }

  // The newest record. Throws PEGEL_EMPTY while nothing has been published.
  template <typename Record> Snapshot<Record> read() const {
    return copy<Record>([this](auto... room) { return pegel_reader_read(get(), room...); });
  }

  template <typename Record> Snapshot<Record> read_at(uint64_t sequence) const {
    return copy<Record>(
        [&](auto... room) { return pegel_reader_read_at(get(), sequence, room...); });
  }

  // The first record after a sequence that the ring still holds; the stamp's missed counts those
  // in between.
  template <typename Record> Snapshot<Record> read_after(uint64_t sequence) const {
    return copy<Record>(
        [&](auto... room) { return pegel_reader_read_after(get(), sequence, room...); });
  }

  // The newest sequence; 0 if nothing has been published. Throws if a read would fail.
  uint64_t sequence() const {
    // pegel_reader_sequence() would not return why it fails.
    return wait(0, std::chrono::nanoseconds(0)).value_or(0);
  }

  // Waits for a newer sequence, and returns the newest one; nullopt after the timeout.
  std::optional<uint64_t> wait(uint64_t after, Timeout timeout = std::nullopt) const {
    uint64_t sequence = 0;
    pegel_status status = pegel_reader_wait(get(), after, detail::nanoseconds(timeout), &sequence);
    if (status == PEGEL_TIMEOUT) {
      return std::nullopt;
    }
    detail::check(status);
    return sequence;
  }

  pegel_reader *get() const noexcept { return reader_.get(); }

private:
  template <typename Record, typename Read> Snapshot<Record> copy(Read read) const {
    Snapshot<Record> snapshot{};
    snapshot.stamp.size = sizeof snapshot.stamp;
    if constexpr (std::is_same_v<Record, std::string>) {
      pegel_info info{};
      info.size = sizeof info;
      detail::check(pegel_reader_info(get(), &info));
      snapshot.record.resize(info.record_size);
      detail::check(read(snapshot.record.data(), snapshot.record.size(), &snapshot.stamp));
      snapshot.record.resize(snapshot.stamp.record_size);
    } else {
      static_assert(std::is_trivially_copyable_v<Record>, "a record is a struct of plain members");
      detail::check(read(&snapshot.record, sizeof snapshot.record, &snapshot.stamp));
    }
    return snapshot;
  }

  std::unique_ptr<pegel_reader, detail::Close> reader_;
};

class Writer {
public:
  // Creates a board, or opens an existing one with these fields.
  template <size_t count>
  static Writer create(const std::string &board, const pegel_field (&fields)[count],
                       pegel_options options = {}) {
    pegel_writer *writer = nullptr;
    options.size = sizeof options;
    detail::check(pegel_writer_create(board.c_str(), fields, count, &options, &writer));
    return Writer(writer);
  }

  // Opens an existing board, once no other writer holds it.
  static Writer open(const std::string &board,
                     Timeout timeout = std::chrono::nanoseconds(PEGEL_DEFAULT_TIMEOUT)) {
    pegel_writer *writer = nullptr;
    detail::check(pegel_writer_open(board.c_str(), detail::nanoseconds(timeout), &writer));
    return Writer(writer);
  }

  // Publishes a struct, or a document as a std::string, and returns its sequence. The options state
  // which optional fields are known, and on which condition to publish; without options, all fields
  // are known, and there is no condition.
  template <typename Record>
  uint64_t publish(const Record &record,
                   std::optional<pegel_publish_options> options = std::nullopt) {
    const void *bytes = &record;
    size_t size = sizeof record;
    if constexpr (std::is_same_v<Record, std::string>) {
      bytes = record.data();
      size = record.size();
    } else {
      static_assert(std::is_trivially_copyable_v<Record>, "a record is a struct of plain members");
    }
    if (options) {
      options->size = sizeof *options;
    }
    uint64_t sequence = 0;
    detail::check(
        pegel_writer_publish_on(get(), options ? &*options : nullptr, bytes, size, &sequence));
    return sequence;
  }

  pegel_writer *get() const noexcept { return writer_.get(); }

private:
  explicit Writer(pegel_writer *writer) : writer_(writer) {}

  std::unique_ptr<pegel_writer, detail::Close> writer_;
};

} // namespace pegel

#endif

#endif
