// Checkpoints: named sections of bytes in one checked file, the last two kept, each with the list
// of the files it depends on. Grammar: docs/formats/checkpoint.md.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/disk.h"
#include "store/engines/segment/block.h"

namespace posthorn::store::segment {

inline constexpr size_t kSectionsMax = 32;
inline constexpr size_t kSectionNameMax = 32;

// One thread. Destroyed before commit() it leaves nothing behind.
class CheckpointWriter {
 public:
  virtual ~CheckpointWriter() = default;
  // Starts a section; names are unique within a checkpoint.
  virtual Status begin(std::string_view name) = 0;
  // Any number of pieces of any size; memory stays bounded.
  virtual Status append(ByteView bytes) = 0;
};

// Streams one section from the file.
class SectionReader {
 public:
  virtual ~SectionReader() = default;
  // The next piece, at most 64 KiB; empty at the end. Lives until the next call.
  virtual Result<ByteView> next() = 0;
};

// A checkpoint whose every block was found sound and whose files all exist. Thread-safe.
class Checkpoint {
 public:
  virtual ~Checkpoint() = default;
  virtual uint64_t generation() const = 0;
  virtual bool has(std::string_view name) const = 0;
  virtual uint64_t section_bytes(std::string_view name) const = 0;
  // kNotFound when there is no such section.
  virtual Result<std::unique_ptr<SectionReader>> section(std::string_view name) const = 0;
  // The whole section; kTooLarge above `limit` bytes.
  virtual Result<std::string> read(std::string_view name, uint64_t limit) const = 0;
  virtual const std::vector<std::string>& files() const = 0;
};

struct CheckpointStoreOptions {
  std::string directory;
  // Folders whose files belong to checkpoints alone: what was there at begin() and is named by no
  // kept checkpoint is removed at commit(). Nothing else may live there.
  std::vector<std::string> owned_folders;
};

// One thread.
class CheckpointStore {
 public:
  static Result<std::unique_ptr<CheckpointStore>> open(io::Disk& disk,
                                                       CheckpointStoreOptions options);
  virtual ~CheckpointStore() = default;

  // The newest sound checkpoint, else the one before; empty when there is none. Damaged ones are
  // logged. When recovery cannot use what it got it calls fall_back() and asks again.
  virtual Result<std::shared_ptr<const Checkpoint>> newest() = 0;
  // Treats this and newer generations as damaged from now on (the files stay).
  virtual void fall_back(uint64_t generation) = 0;

  // To be called before the sections and file lists are taken from their owners.
  virtual Result<std::unique_ptr<CheckpointWriter>> begin() = 0;
  // Durable on return: footer, sync, rename, sync of the folder. Then removes checkpoints older
  // than the one before, and the files that neither kept checkpoint names. `files` are paths in
  // owned folders that are durable already. Answers the generation.
  virtual Result<uint64_t> commit(std::unique_ptr<CheckpointWriter> writer,
                                  std::vector<std::string> files) = 0;
};

}  // namespace posthorn::store::segment
