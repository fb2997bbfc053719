// Appending to segment files.
#include "store/engines/segment/segment_writer.h"

namespace posthorn::store::segment {
namespace {
// A write that ends inside a block which is not in memory makes the system read that block first.
constexpr uint64_t kBlockBytes = 4096;
constexpr std::array<char, kBlockBytes> kZeros{};
}  // namespace

Status SegmentWriter::resume(SegmentNumber number, uint64_t offset,
                             const std::vector<model::Targets>& sets) {
  PH_ASSIGN(file_, files_.open(number, io::OpenMode::kReadWrite));
  PH_ASSIGN(generation_, files_.generation_of(number));
  number_ = number;
  offset_ = offset;
  header_written_ = true;
  sets_ = sets;
  set_by_hash_.clear();
  for (uint32_t id = 0; id < sets_.size(); ++id) set_by_hash_.emplace(sets_[id]->hash(), id);
  return {};
}

Status SegmentWriter::advance(SegmentNumber number) {
  // A preparation that met the end of the disk leaves a file without blocks.
  if (!files_.prepared(number)) PH_TRY(files_.prepare(number));
  PH_ASSIGN(file_, files_.open(number, io::OpenMode::kReadWrite));
  number_ = number;
  do generation_ = entropy_.word();
  while (generation_ == 0);  // 0 means none
  files_.know_generation(number_, generation_);
  offset_ = kSegmentHeaderBytes;
  header_written_ = false;
  sets_.clear();
  set_by_hash_.clear();
  return {};
}

bool SegmentWriter::fits(size_t cost) const {
  return file_ != nullptr && offset_ + kGroupHeaderBytes + cost <= files_.segment_bytes();
}

uint32_t SegmentWriter::set_id(const model::Targets& targets, bool& is_new) {
  const auto [begin, end] = set_by_hash_.equal_range(targets->hash());
  for (auto at = begin; at != end; ++at) {
    const model::Targets& known = sets_[at->second];
    if (known == targets || *known == *targets) return at->second;
  }
  is_new = true;
  const auto id = static_cast<uint32_t>(sets_.size());
  sets_.push_back(targets);
  set_by_hash_.emplace(targets->hash(), id);
  return id;
}

Status SegmentWriter::commit(const GroupWriter& group, const SegmentHeader& header) {
  parts_ = group.parts();
  const uint64_t block_end = (group.end_offset() + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  const uint64_t padded_end = std::min(block_end, files_.segment_bytes());
  parts_.emplace_back(kZeros.data(), padded_end - group.end_offset());
  if (header_written_) {
    PH_TRY(file_->write(offset_, parts_));
  } else {
    const auto block = encode_segment_header(header);
    parts_.insert(parts_.begin(), {block.data(), block.size()});
    PH_TRY(file_->write(0, parts_));
    header_written_ = true;
  }
  PH_TRY(file_->sync());
  offset_ = group.end_offset();
  return {};
}

}  // namespace posthorn::store::segment
