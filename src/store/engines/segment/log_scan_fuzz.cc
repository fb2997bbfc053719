// Segments of anything, with checksums that hold where the input wants it: the scan ends, within
// bounds, and every record that it hands out decodes or is refused.
#include "store/engines/segment/segment_replay.h"
#include "store/testing/loose_segment.h"
#include "store/testing/memory_disk.h"

namespace posthorn::store::segment {
namespace {

Status decode(const model::RecordView& record) {
  (void)model::payload_state(record);
  switch (record.type) {
    case model::RecordType::kMessage:
      (void)model::decode_message(record).ok();
      break;
    case model::RecordType::kAttempt:
      (void)model::decode_attempt(record).ok();
      break;
    case model::RecordType::kCommand:
      (void)model::decode_command(record).ok();
      break;
    case model::RecordType::kTargetSet:
      (void)model::decode_target_set(record).ok();
      break;
  }
  return {};
}

void scan(SegmentFiles& files, uint64_t durable_group) {
  const auto file = files.open(SegmentNumber{1}, io::OpenMode::kRead).value();
  ScanBounds bounds;
  bounds.generation = kLooseGeneration;
  bounds.durable_group = durable_group;
  const uint64_t size = file->size().value();
  uint64_t next = 0;
  const auto result = scan_segment(*file, bounds, [&](uint32_t offset, const auto& record) {
    CHECK(offset >= next && offset + record.size() <= size, "records overlap or pass the end");
    next = offset + record.size();
    return decode(record);
  });
  CHECK(result.ok() && result->end <= size, "the scan of a readable file failed");
}

}  // namespace

void fuzz_log_scan(ByteView input) {
  testing::MemoryDisk disk;
  SegmentFiles files(disk, {"s", 1u << 20});
  disk.set_bytes(files.path(SegmentNumber{1}), segment_from_loose(input));
  constexpr uint64_t kDurable = 5;
  scan(files, 0);
  scan(files, kDurable);
  const auto replayed = replay_segment(files, SegmentNumber{1}, Seq{~0ull}, ReplayVisitor{});
  if (replayed.ok()) (void)replayed->index->span();
}

}  // namespace posthorn::store::segment

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  posthorn::store::segment::fuzz_log_scan({reinterpret_cast<const char*>(data), size});
  return 0;
}
