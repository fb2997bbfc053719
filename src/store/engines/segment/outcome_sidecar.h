// One segment's outcomes: the bytes in memory with their counts, and the file they are written to
// whole. Private to Outcomes. Grammar: docs/formats/outcomes.md.
#pragma once
#include <array>
#include <memory>
#include <string>
#include <unordered_map>

#include "store/engines/segment/outcomes.h"
#include "store/engines/segment/sorted_file.h"

namespace posthorn::store::segment {

// Which endpoints may have a delivery in a state: 128 bits, two a tail. Only ever grows until the
// sidecar is written again.
class TailFilter {
 public:
  void add(uint64_t tail);
  bool may_have(uint64_t tail) const;
  void encode(ByteWriter& out) const;
  static TailFilter decode(ByteReader& in);

 private:
  std::array<uint64_t, 2> bits_{};
};

// What is known of a sidecar without reading it.
struct SidecarSummary {
  StateCounts totals{};
  std::array<TailFilter, 6> filters;  // by state; none is kept for delivered
  uint64_t deliveries() const;
  bool may_have(uint64_t tail, model::DeliveryState state) const;
  void note(uint64_t tail, model::DeliveryState state);
  void encode(ByteWriter& out) const;
  static SidecarSummary decode(ByteReader& in);
};

// The whole of it in memory. Not thread-safe.
class Sidecar {
 public:
  size_t size() const { return bytes_.size(); }
  void extend(const model::TargetSet& targets);
  Standing at(DeliveryOrdinal delivery) const;
  void set(DeliveryOrdinal delivery, uint64_t tail, const Standing& standing);
  StateCounts counts(uint64_t tail) const;
  const std::string& bytes() const { return bytes_; }
  // With filters of exactly what there is now.
  SidecarSummary summary() const;
  size_t memory_bytes() const { return bytes_.capacity() + counts_.size() * 72; }

  static Result<Sidecar> load(const SortedFile& file);
  // Durable on return.
  Status write(io::Disk& disk, const std::string& path) const;

 private:
  std::string bytes_;
  std::unordered_map<uint64_t, StateCounts> counts_;
};

Result<StateCounts> read_counts(const SortedFile& file, uint64_t tail);
Result<Standing> read_standing(const SortedFile& file, DeliveryOrdinal delivery);
// True when the file has the tables of a sidecar.
bool is_sidecar(const SortedFile& file);

// The ordinals among `bytes` (the first is `first`) that are in a state are visited in the order
// asked for; stops when `visit` answers false and says so.
struct ByteScan {
  ByteView bytes;
  DeliveryOrdinal first = 0;
  model::DeliveryState state = model::DeliveryState::kPending;
  bool ascending = true;
};
template <typename Visit>
bool visit_in_state(const ByteScan& scan, Visit visit) {
  for (size_t i = 0; i < scan.bytes.size(); ++i) {
    const size_t at = scan.ascending ? i : scan.bytes.size() - 1 - i;
    if (decode_standing(static_cast<uint8_t>(scan.bytes[at])).state != scan.state) continue;
    if (!visit(static_cast<DeliveryOrdinal>(scan.first + at))) return false;
  }
  return true;
}

inline constexpr uint8_t kOutcomeBytes = 1;
inline constexpr uint8_t kOutcomeCounts = 2;

}  // namespace posthorn::store::segment
