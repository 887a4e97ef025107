// SPDX-License-Identifier: MIT
// Descriptors of simulated processes, with numbers far above those of the system: what libc_*.cpp work on.
#pragma once
#include <set>

#include "disk.hpp"
#include "process.hpp"

namespace octo::sim {

// Of a pipe or a FIFO.
struct Pipe {
  static constexpr std::size_t kBytesMax = 64 * 1024;
  Bytes bytes;
  int readers = 0;
  int writers = 0;
  Process* reader = nullptr;  // told of what comes
};

struct Handle {
  enum class Kind : std::uint8_t { file, folder, reads, writes, both, signals, timer, process };
  Kind kind = Kind::file;
  Process* owner = nullptr;
  Disk* disk = nullptr;  // of a file, a folder and a FIFO
  std::string path;
  std::shared_ptr<File> file;
  std::size_t offset = 0;
  bool appends = false;
  std::shared_ptr<Pipe> pipe;    // of those that read and write
  bool blocks = false;           // who reads waits for something to come
  std::set<int> signals;         // which of them it is for
  Instant due = Instant::max();  // of a timer
  Process* watched = nullptr;    // of a process
  bool reads() const { return kind == Kind::reads || kind == Kind::both; }
  bool writes() const { return kind == Kind::writes || kind == Kind::both; }
};

// Nothing for descriptors of the system, and for those of somebody else.
Handle* find_handle(int fd);
bool is_simulated(int fd);
int add_handle(Handle handle);  // of the process at work
// One end of a pipe, for `owner`.
int add_end(Process* owner, Handle::Kind kind, std::shared_ptr<Pipe> pipe, bool blocks = false);
void close_handle(int fd);
void close_handles_of(Process& process);
// What of a pipe a process that has no code sees to itself.
bool write_pipe(Pipe& pipe, BytesView bytes);  // false: full, and nothing was taken

// -1, with the errno.
int refuse(int number);
// A process that is dead, and only unwinds.
bool is_ghost();

// libc_processes.cpp, for descriptors that are neither file nor folder.
ssize_t read_special(Handle& from, void* into, std::size_t count);
ssize_t write_special(Handle& to, const void* bytes, std::size_t count);

}  // namespace octo::sim
