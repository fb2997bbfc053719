// pure: assembling a group.
#include "store/engines/segment/group_writer.h"

#include "model/encoding.h"
#include "wire/crc32c.h"

namespace posthorn::store::segment {

void GroupWriter::begin(uint64_t generation, uint64_t offset) {
  header_ = GroupHeader{};
  header_.generation = generation;
  header_.body_crc = seed_of(generation);
  offset_ = offset;
  parts_.clear();
  parts_.emplace_back(header_bytes_.data(), header_bytes_.size());
}

uint32_t GroupWriter::add(ByteView record) {
  const auto at = static_cast<uint32_t>(end_offset());
  header_.body_crc = wire::crc32c(record.substr(0, model::kRecordSealBytes), header_.body_crc);
  header_.length += static_cast<uint32_t>(record.size());
  ++header_.records;
  ByteView& last = parts_.back();
  // Neighbours in one buffer are one part: the system call is cheaper by the part.
  if (parts_.size() > 1 && last.data() + last.size() == record.data())
    last = ByteView(last.data(), last.size() + record.size());
  else
    parts_.push_back(record);
  return at;
}

void GroupWriter::finish(uint64_t number, uint64_t durable_before) {
  header_.number = number;
  header_.durable_before = durable_before;
  header_bytes_ = encode_group_header(header_);
}

}  // namespace posthorn::store::segment
