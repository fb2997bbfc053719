// The content of one simulated file: what is there, and what of it would be there after a power
// cut. Knows nothing of names, faults or time. Copies share their bytes until one is changed.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/rng.h"

namespace posthorn::io::sim {

// What a power cut does with bytes and names that were not synced.
enum class PowerCut : uint8_t {
  kDrop,  // all of it is gone
  kKeep,  // all of it got to the disk
  kTear,  // per sector any of its states since the last sync, drawn from the seed
};

class FileImage {
 public:
  static constexpr size_t kSectorBytes = 512;  // what a disk writes whole or not at all
  static constexpr size_t kPageBytes = 4096;   // the unit of space

  size_t read(uint64_t offset, std::span<char> into) const;
  void write(uint64_t offset, ByteView bytes);
  void truncate(uint64_t size);
  void allocate(uint64_t size);
  void punch(uint64_t offset, uint64_t length);
  // Everything unsynced becomes durable, except what a failed sync gave up.
  void sync();
  // A failed sync: what is unsynced may never reach the disk, though it can still be read and
  // though later syncs succeed. Only writing it again helps.
  void fail_sync();
  void cut_power(PowerCut how, Rng& rng);
  // Changes a stored byte behind everybody's back, as a bad disk does.
  void flip_bits(uint64_t offset, uint8_t mask);

  uint64_t size() const { return size_; }
  uint64_t pages_used() const { return pages_used_; }
  // How many pages more a write or an allocation of this range would use.
  uint64_t pages_needed(uint64_t offset, uint64_t length) const;
  bool synced() const { return unsynced_.empty() && sizes_.size() == 1; }

 private:
  using Sector = std::array<char, kSectorBytes>;
  using Sectors = std::map<uint64_t, Sector>;
  struct Versions {
    std::vector<Sector> since_sync;  // the durable one first
    bool given_up = false;           // a sync of the newest one failed
  };

  Sectors& sectors_to_change();
  Sector load(uint64_t sector) const;
  void store(uint64_t sector, const Sector& bytes);
  void write_sector(uint64_t sector, size_t from, ByteView bytes);
  void zero(uint64_t from, uint64_t to);
  void use_pages(uint64_t from_page, uint64_t to_page);
  void free_pages(uint64_t from_page, uint64_t to_page);

  std::shared_ptr<Sectors> sectors_ = std::make_shared<Sectors>();  // absent: zeros
  std::map<uint64_t, Versions> unsynced_;                           // by sector
  uint64_t size_ = 0;
  std::vector<uint64_t> sizes_{0};  // the durable size, then those since the last sync
  std::vector<bool> pages_;         // which pages have space
  uint64_t pages_used_ = 0;
};

}  // namespace posthorn::io::sim
