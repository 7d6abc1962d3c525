// Pegel in C++: the declarations of pegel.h with C linkage and, from C++17 on, handles that close themselves.
//
// A record is a struct as `pegel gen c NAME` prints it, with its table of fields; a document is a std::string.
// What fails throws pegel::Error; its status is for code, its text for people. As in C, threads may share a
// Reader, and a Writer needs one thread at a time and does not survive fork().

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

using Timeout = std::optional<std::chrono::nanoseconds>; // nullopt waits for ever

class Error : public std::runtime_error {
public:
  explicit Error(pegel_status status) : std::runtime_error(pegel_error_message()), status_(status) {}
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
  return timeout ? std::max<int64_t>(timeout->count(), 0) : -1; // a moment that is over does not wait
}

struct Close {
  void operator()(pegel_reader *reader) const { pegel_reader_close(reader); }
  void operator()(pegel_writer *writer) const { pegel_writer_close(writer); }
};

} // namespace detail

// A record or a document, and what is known of its publication.
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

  // For a program that was made for these fields: the board may have an earlier or a later version of them.
  template <size_t count>
  Reader(const std::string &board, const pegel_field (&fields)[count], const char *details = nullptr) {
    pegel_reader *reader = nullptr;
    detail::check(pegel_reader_open_as(board.c_str(), fields, count, details, &reader));
    reader_.reset(reader);
  }

  // The newest record. PEGEL_EMPTY, PEGEL_GONE and PEGEL_BUSY say why there is none.
  template <typename Record> Snapshot<Record> read() const {
    return copy<Record>([this](auto... room) { return pegel_reader_read(get(), room...); });
  }

  template <typename Record> Snapshot<Record> read_at(uint64_t sequence) const {
    return copy<Record>([&](auto... room) { return pegel_reader_read_at(get(), sequence, room...); });
  }

  // The first record after a sequence that the ring still holds; the stamp's missed counts those before it.
  template <typename Record> Snapshot<Record> read_after(uint64_t sequence) const {
    return copy<Record>([&](auto... room) { return pegel_reader_read_after(get(), sequence, room...); });
  }

  // The newest sequence, 0 when nothing has been published; throws once the board is gone.
  uint64_t sequence() const {
    uint64_t sequence = pegel_reader_sequence(get());
    if (sequence == UINT64_MAX) {
      throw Error(PEGEL_GONE);
    }
    return sequence;
  }

  // The newest sequence after this one; nullopt when nothing was published in time.
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
  // Creates a board, or takes over one that has these fields.
  template <size_t count>
  static Writer create(const std::string &board, const pegel_field (&fields)[count], pegel_options options = {}) {
    pegel_writer *writer = nullptr;
    options.size = sizeof options;
    detail::check(pegel_writer_create(board.c_str(), fields, count, &options, &writer));
    return Writer(writer);
  }

  // Takes an existing board, waiting for its writer to let go: for writing by turns.
  static Writer open(const std::string &board, Timeout timeout = std::nullopt) {
    pegel_writer *writer = nullptr;
    detail::check(pegel_writer_open(board.c_str(), detail::nanoseconds(timeout), &writer));
    return Writer(writer);
  }

  // Publishes a struct, or a document as a std::string. The publication says which optional fields are known, and
  // may name a condition; without one, all are known.
  template <typename Record>
  uint64_t publish(const Record &record, std::optional<pegel_publish_options> publication = std::nullopt) {
    const void *bytes = &record;
    size_t size = sizeof record;
    if constexpr (std::is_same_v<Record, std::string>) {
      bytes = record.data();
      size = record.size();
    } else {
      static_assert(std::is_trivially_copyable_v<Record>, "a record is a struct of plain members");
    }
    if (publication) {
      publication->size = sizeof *publication;
    }
    uint64_t sequence = 0;
    const pegel_publish_options *how = publication ? &*publication : nullptr;
    detail::check(pegel_writer_publish_on(get(), how, bytes, size, &sequence));
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
