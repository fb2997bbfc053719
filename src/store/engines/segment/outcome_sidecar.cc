// A sidecar in memory and its file.
#include "store/engines/segment/outcome_sidecar.h"

#include <algorithm>
#include <numeric>

#include "store/engines/segment/index_format.h"
#include "store/engines/segment/sorted_file_writer.h"

namespace posthorn::store::segment {
namespace {

constexpr TableShape kCountsShape{
    .table = kOutcomeCounts, .key_bytes = 8, .value_bytes = 20, .filter = {}};

size_t index_of(model::DeliveryState state) { return static_cast<size_t>(state); }

StateCounts decode_counts(ByteView value) {
  StateCounts counts{};
  ByteReader in(value);
  for (size_t state = 1; state < counts.size(); ++state) counts[state] = in.u32();
  return counts;
}

}  // namespace

void TailFilter::add(uint64_t tail) {
  bits_[0] |= uint64_t{1} << (tail & 63);
  bits_[1] |= uint64_t{1} << (tail >> 6 & 63);
}
bool TailFilter::may_have(uint64_t tail) const {
  return (bits_[0] >> (tail & 63) & 1) != 0 && (bits_[1] >> (tail >> 6 & 63) & 1) != 0;
}
void TailFilter::encode(ByteWriter& out) const {
  out.u64(bits_[0]);
  out.u64(bits_[1]);
}
TailFilter TailFilter::decode(ByteReader& in) {
  TailFilter filter;
  filter.bits_ = {in.u64(), in.u64()};
  return filter;
}

uint64_t SidecarSummary::deliveries() const {
  return std::accumulate(totals.begin(), totals.end(), uint64_t{0});
}

bool SidecarSummary::may_have(uint64_t tail, model::DeliveryState state) const {
  if (totals[index_of(state)] == 0) return false;
  return state == model::DeliveryState::kDelivered || filters[index_of(state)].may_have(tail);
}

void SidecarSummary::note(uint64_t tail, model::DeliveryState state) {
  filters[index_of(state)].add(tail);
}

// Most segments are settled: a filter is only written where the state occurs.
void SidecarSummary::encode(ByteWriter& out) const {
  for (size_t state = 1; state < totals.size(); ++state) {
    out.u32(totals[state]);
    const bool filtered = state != index_of(model::DeliveryState::kDelivered);
    if (filtered && totals[state] > 0) filters[state].encode(out);
  }
}

SidecarSummary SidecarSummary::decode(ByteReader& in) {
  SidecarSummary summary;
  for (size_t state = 1; state < summary.totals.size(); ++state) {
    summary.totals[state] = in.u32();
    const bool filtered = state != index_of(model::DeliveryState::kDelivered);
    if (filtered && summary.totals[state] > 0) summary.filters[state] = TailFilter::decode(in);
  }
  return summary;
}

void Sidecar::extend(const model::TargetSet& targets) {
  bytes_.append(targets.size(), '\0');
  for (const EndpointId& endpoint : targets.endpoints()) {
    ++counts_[endpoint.bytes.tail()][index_of(model::DeliveryState::kPending)];
  }
}

Standing Sidecar::at(DeliveryOrdinal delivery) const {
  return decode_standing(static_cast<uint8_t>(bytes_[delivery]));
}

void Sidecar::set(DeliveryOrdinal delivery, uint64_t tail, const Standing& standing) {
  const Standing before = at(delivery);
  bytes_[delivery] = static_cast<char>(encode_standing(standing));
  StateCounts& counts = counts_[tail];
  // A wrong endpoint would make the counts wrong, not the process.
  if (counts[index_of(before.state)] > 0) --counts[index_of(before.state)];
  ++counts[index_of(standing.state)];
}

StateCounts Sidecar::counts(uint64_t tail) const {
  const auto found = counts_.find(tail);
  return found == counts_.end() ? StateCounts{} : found->second;
}

SidecarSummary Sidecar::summary() const {
  SidecarSummary summary;
  for (const char byte : bytes_) {
    ++summary.totals[index_of(decode_standing(static_cast<uint8_t>(byte)).state)];
  }
  for (const auto& [tail, counts] : counts_) {
    for (size_t state = 1; state < counts.size(); ++state) {
      if (counts[state] > 0) summary.filters[state].add(tail);
    }
  }
  return summary;
}

bool is_sidecar(const SortedFile& file) {
  const TableInfo* bytes = file.table(kOutcomeBytes);
  const TableInfo* counts = file.table(kOutcomeCounts);
  return bytes != nullptr && bytes->shape.entry_bytes() == 0 && counts != nullptr &&
         counts->shape.key_bytes == kCountsShape.key_bytes &&
         counts->shape.value_bytes == kCountsShape.value_bytes;
}

Result<Sidecar> Sidecar::load(const SortedFile& file) {
  Sidecar sidecar;
  const uint64_t size = file.table(kOutcomeBytes)->entries;
  PH_ASSIGN(sidecar.bytes_, file.read_bytes(kOutcomeBytes, 0, size));
  if (sidecar.bytes_.size() != size) return error(Errc::kCorrupt, file.path() + " is cut");
  TableScan scan(file, kOutcomeCounts);
  while (true) {
    PH_ASSIGN(const ByteView entry, scan.next());
    if (entry.empty()) return sidecar;
    sidecar.counts_[load_le<uint64_t>(entry.data())] = decode_counts(entry.substr(8));
  }
}

Status Sidecar::write(io::Disk& disk, const std::string& path) const {
  PH_ASSIGN(auto writer, SortedFileWriter::create(disk, path));
  PH_TRY(writer->add_bytes(kOutcomeBytes, bytes_));
  std::vector<std::pair<uint64_t, const StateCounts*>> sorted;
  sorted.reserve(counts_.size());
  for (const auto& [tail, counts] : counts_) sorted.emplace_back(tail, &counts);
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return tail_order(a.first) < tail_order(b.first); });
  PH_TRY(writer->begin_table(kCountsShape, 0));
  std::string entry;
  for (const auto& [tail, counts] : sorted) {
    entry.assign(KeyBytes().tail(tail).view());
    for (size_t state = 1; state < counts->size(); ++state) ByteWriter(entry).u32((*counts)[state]);
    PH_TRY(writer->add(entry));
  }
  PH_TRY(writer->end_table());
  return writer->finish({});
}

Result<StateCounts> read_counts(const SortedFile& file, uint64_t tail) {
  PH_ASSIGN(const auto entry, file.find(kOutcomeCounts, KeyBytes().tail(tail).view()));
  return entry ? decode_counts(ByteView(*entry).substr(8)) : StateCounts{};
}

Result<Standing> read_standing(const SortedFile& file, DeliveryOrdinal delivery) {
  PH_ASSIGN(const std::string byte, file.read_bytes(kOutcomeBytes, delivery, 1));
  if (byte.empty()) {
    return error(Errc::kNotFound, fmt::format("{} has no delivery {}", file.path(), delivery));
  }
  return decode_standing(static_cast<uint8_t>(byte[0]));
}

}  // namespace posthorn::store::segment
