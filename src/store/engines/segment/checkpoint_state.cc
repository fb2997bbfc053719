// The sections of a checkpoint.
#include "store/engines/segment/checkpoint_state.h"

namespace posthorn::store::segment {
namespace {

constexpr std::string_view kEndSection = "end";
constexpr std::string_view kLanesSection = "lanes";
constexpr std::string_view kOutcomesSection = "outcomes";
constexpr std::string_view kDueSection = "due";
constexpr std::string_view kPayloadsSection = "payloads";
// A million lanes, tens of thousands of segments: more is not believed.
constexpr uint64_t kSectionBytesMax = 1ull << 30;
constexpr uint64_t kEndBytesMax = 4096;

std::string encode_end(const LogEnd& end) {
  std::string bytes;
  ByteWriter w(bytes);
  w.u64(end.segment.value);
  w.u64(end.offset);
  w.u64(end.group);
  w.u64(end.last.value);
  w.bytes(end.last_id.view());
  w.u64(static_cast<uint64_t>(end.last_time.us));
  return bytes;
}

Result<LogEnd> decode_end(ByteView bytes) {
  ByteReader in(bytes);
  LogEnd end;
  end.segment.value = in.u64();
  end.offset = in.u64();
  end.group = in.u64();
  end.last.value = in.u64();
  const ByteView id = in.bytes(IdBytes::kSize);
  if (!id.empty()) end.last_id = IdBytes::from_raw(id);
  end.last_time.us = static_cast<int64_t>(in.u64());
  if (in.failed()) return error(Errc::kCorrupt, "the end of the log in a checkpoint is cut short");
  return end;
}

Status write_section(CheckpointWriter& writer, std::string_view name, ByteView bytes) {
  PH_TRY(writer.begin(name));
  return writer.append(bytes);
}

}  // namespace

CheckpointSnapshot take_snapshot(const Live& live) {
  CheckpointSnapshot snapshot;
  snapshot.end = encode_end(live.end);
  live.lanes.encode(snapshot.lanes);
  return snapshot;
}

Status write_checkpoint(CheckpointStore& store, const CheckpointSnapshot& snapshot,
                        const CheckpointParts& parts) {
  PH_TRY(parts.outcomes.flush());
  PH_TRY(parts.due.flush());
  PH_TRY(parts.payloads.flush());
  PH_ASSIGN(auto writer, store.begin());
  PH_TRY(write_section(*writer, kEndSection, snapshot.end));
  PH_TRY(write_section(*writer, kLanesSection, snapshot.lanes));
  PH_TRY(write_section(*writer, kOutcomesSection, parts.outcomes.section()));
  PH_TRY(write_section(*writer, kDueSection, parts.due.section()));
  PH_TRY(write_section(*writer, kPayloadsSection, parts.payloads.section()));
  std::vector<std::string> files = parts.outcomes.files();
  for (const DueRuns* runs : {&parts.due, &parts.payloads}) {
    const std::vector<std::string> more = runs->files();
    files.insert(files.end(), more.begin(), more.end());
  }
  PH_TRY(store.commit(std::move(writer), std::move(files)));
  return {};
}

Result<CheckpointContents> read_checkpoint(const Checkpoint& checkpoint) {
  CheckpointContents contents;
  PH_ASSIGN(const std::string end, checkpoint.read(kEndSection, kEndBytesMax));
  PH_ASSIGN(contents.end, decode_end(end));
  PH_ASSIGN(const std::string lanes, checkpoint.read(kLanesSection, kSectionBytesMax));
  ByteReader in(lanes);
  PH_TRY(contents.lanes.decode(in));
  PH_ASSIGN(contents.outcomes_section, checkpoint.read(kOutcomesSection, kSectionBytesMax));
  PH_ASSIGN(contents.due_section, checkpoint.read(kDueSection, kSectionBytesMax));
  if (!checkpoint.has(kPayloadsSection)) return contents;  // of an earlier build
  PH_ASSIGN(contents.payloads_section, checkpoint.read(kPayloadsSection, kSectionBytesMax));
  return contents;
}

}  // namespace posthorn::store::segment
