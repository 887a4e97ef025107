// SPDX-License-Identifier: MIT
#include "handles.hpp"

#include <cerrno>

namespace octo::sim {

namespace {

constexpr int kFirst = 1 << 24;  // far above any descriptor of the system

// In the order of their making; no number is given twice in a world, so what a dead process closes is its
// own.
struct Table {
  std::map<int, Handle> handles;
  int next = kFirst;
};
Table& table() {
  static Table one;
  return one;
}

void drop(Handle& handle) {
  if (handle.file && handle.owner != nullptr) handle.file->unlock(handle.owner);
  if (handle.file) handle.file->release(&handle);
  if (!handle.pipe) return;
  Pipe& pipe = *handle.pipe;
  if (handle.reads()) --pipe.readers;
  if (handle.writes()) --pipe.writers;
  if (handle.reads() && pipe.readers == 0) pipe.reader = nullptr;
  if (pipe.readers + pipe.writers == 0) pipe.bytes.clear();
  if (pipe.reader != nullptr) pipe.reader->changed.set();
}

}  // namespace

bool is_simulated(int fd) { return fd >= kFirst; }

Handle* find_handle(int fd) {
  if (fd < kFirst) return nullptr;
  const auto found = table().handles.find(fd);
  return found == table().handles.end() || found->second.owner != current() ? nullptr : &found->second;
}

int add_handle(Handle handle) {
  Table& all = table();
  if (all.handles.empty()) all.next = kFirst;
  handle.owner = current();
  all.handles.emplace(all.next, std::move(handle));
  return all.next++;
}

int add_end(Process* owner, Handle::Kind kind, std::shared_ptr<Pipe> pipe, bool blocks) {
  const As as(owner);
  Handle handle{.kind = kind, .pipe = std::move(pipe), .blocks = blocks};
  if (handle.reads()) {
    ++handle.pipe->readers;
    handle.pipe->reader = owner;
  }
  if (handle.writes()) ++handle.pipe->writers;
  return add_handle(std::move(handle));
}

void close_handle(int fd) {
  if (Handle* handle = find_handle(fd)) {
    drop(*handle);
    table().handles.erase(fd);
  }
}

void close_handles_of(Process& process) {
  auto& handles = table().handles;
  for (auto entry = handles.begin(); entry != handles.end();) {
    const bool its = entry->second.owner == &process;
    if (its) drop(entry->second);
    entry = its ? handles.erase(entry) : std::next(entry);
  }
}

bool write_pipe(Pipe& pipe, BytesView bytes) {
  if (pipe.bytes.size() + bytes.size() > Pipe::kBytesMax) return false;
  pipe.bytes.append(bytes);
  if (pipe.reader != nullptr) pipe.reader->changed.set();
  return true;
}

int refuse(int number) {
  errno = number;
  return -1;
}

bool is_ghost() { return current() != nullptr && current()->over; }

}  // namespace octo::sim
