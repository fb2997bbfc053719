// Walks groups; where one is bad, looks for a sound one behind it.
#include "store/engines/segment/log_scan.h"

#include <algorithm>
#include <array>
#include <string>

namespace posthorn::store::segment {
namespace {

constexpr size_t kWindowBytes = 1u << 20;
// A damaged stretch longer than this is searched piece by piece.
constexpr size_t kSalvageBytesMax = 16u << 20;
// Headers longer than this are not looked for in damaged stretches: the search stays linear.
constexpr size_t kSalvageHeaderBytesMax = 64u << 10;

class Scanner {
 public:
  Scanner(io::File& file, const ScanBounds& bounds, const OnRecord& on_record)
      : file_(file), bounds_(bounds), on_record_(on_record) {}

  Result<ScanResult> run() {
    PH_ASSIGN(size_, file_.size());
    result_.durable_group = bounds_.durable_group;
    result_.last_group = bounds_.after_group;
    while (true) {
      PH_ASSIGN(const bool sound, take_group());
      if (sound) continue;
      PH_ASSIGN(const std::optional<uint64_t> next, find_group(result_.end));
      if (!next) return finish();
      PH_TRY(quarantine(*next));
    }
  }

 private:
  // Fills `into_` with the bytes at `offset`, as many as there are.
  Result<ByteView> read(uint64_t offset, size_t bytes) {
    bytes = static_cast<size_t>(std::min<uint64_t>(bytes, size_ - std::min(offset, size_)));
    if (bytes == 0) return ByteView();
    const bool held = offset >= window_at_ && offset + bytes <= window_at_ + window_.size();
    if (!held) {
      const uint64_t ahead = std::min<uint64_t>(std::max(bytes, kWindowBytes), size_ - offset);
      window_.resize(static_cast<size_t>(ahead));
      PH_ASSIGN(const size_t got, file_.read(offset, window_));
      window_.resize(got);
      window_at_ = offset;
    }
    return ByteView(window_).substr(static_cast<size_t>(offset - window_at_), bytes);
  }

  Result<std::optional<GroupHeader>> header_at(uint64_t offset) {
    PH_ASSIGN(const ByteView bytes, read(offset, kGroupHeaderBytes));
    return parse_group_header(bytes, bounds_.generation);
  }

  // The group at result_.end, when it is sound and the next in number.
  Result<bool> take_group() {
    const uint64_t offset = result_.end;
    PH_ASSIGN(const std::optional<GroupHeader> header, header_at(offset));
    if (!header || header->number <= result_.last_group) return false;
    if (offset + kGroupHeaderBytes + header->length > size_) return false;
    PH_ASSIGN(const ByteView body, sound_body(*header, offset + kGroupHeaderBytes));
    if (body.size() != header->length) return false;
    PH_TRY(emit(offset + kGroupHeaderBytes, body));
    result_.end = offset + kGroupHeaderBytes + header->length;
    result_.last_group = header->number;
    result_.durable_group = std::max(result_.durable_group, header->durable_before);
    ++result_.groups;
    return true;
  }

  // The records of a group; empty when they are not sound.
  Result<ByteView> sound_body(const GroupHeader& header, uint64_t offset) {
    PH_ASSIGN(ByteView body, read(offset, header.length));
    if (body.size() != header.length) return ByteView();
    if (group_body_is_sound(header, body, false)) return body;
    // Zeros are an erased payload only in a group that is known to have been synced.
    bool synced = header.number <= result_.durable_group;
    if (!synced) {
      PH_ASSIGN(const std::optional<GroupHeader> next, header_at(offset + header.length));
      synced = next && next->durable_before >= header.number;
    }
    if (!synced) return ByteView();
    PH_ASSIGN(body, read(offset, header.length));
    return group_body_is_sound(header, body, true) ? body : ByteView();
  }

  Status emit(uint64_t offset, ByteView body) {
    while (!body.empty()) {
      PH_ASSIGN(const model::RecordView record,
                model::parse_record(body, seed_of(bounds_.generation)));
      PH_TRY(on_record_(static_cast<uint32_t>(offset), record));
      offset += record.size();
      body.remove_prefix(record.size());
    }
    return {};
  }

  // The first sound group behind `offset`; its header alone is not enough: it may be torn too.
  Result<std::optional<uint64_t>> find_group(uint64_t offset) {
    uint64_t at = offset + model::kRecordAlignment;
    while (at + kGroupHeaderBytes <= size_) {
      PH_ASSIGN(const ByteView window, read(at, kWindowBytes));
      for (size_t i = 0; i + kGroupHeaderBytes <= window.size(); i += model::kRecordAlignment) {
        if (load_le<uint32_t>(window.data() + i) != kGroupMagic) continue;
        const auto header = parse_group_header(window.substr(i), bounds_.generation);
        if (header && header->number > result_.last_group) return std::optional(at + i);
      }
      if (window.size() < kGroupHeaderBytes + model::kRecordAlignment) break;
      at +=
          (window.size() - kGroupHeaderBytes) / model::kRecordAlignment * model::kRecordAlignment +
          model::kRecordAlignment;
    }
    return std::optional<uint64_t>();
  }

  // What lies before `next` was synced, as `next` was written after it: take out what is whole.
  Status quarantine(uint64_t next) {
    PH_TRY(take_whole_records(result_.end, next));
    result_.end = next;
    PH_ASSIGN(const std::optional<GroupHeader> header, header_at(next));
    if (header) result_.durable_group = std::max(result_.durable_group, header->durable_before);
    return {};
  }

  Status take_whole_records(uint64_t from, uint64_t to) {
    ++result_.damaged_stretches;
    PH_ASSIGN(const std::optional<GroupHeader> header, header_at(from));
    const uint32_t before = result_.records_salvaged;
    PH_TRY(salvage(from, to));
    const bool one_group = header && from + kGroupHeaderBytes + header->length == to;
    const bool complete = one_group && result_.records_salvaged - before == header->records;
    result_.incomplete_stretches += complete ? 0 : 1;
    return {};
  }

  Status salvage(uint64_t from, uint64_t to) {
    while (from < to) {
      const auto bytes = static_cast<size_t>(std::min<uint64_t>(to - from, kSalvageBytesMax));
      PH_ASSIGN(const ByteView stretch, read(from, bytes));
      PH_ASSIGN(const size_t taken, salvage_piece(from, stretch, from + bytes < to));
      from += taken;
      if (taken == 0) return {};
    }
    return {};
  }

  // Answers how far it came; a record that the piece cuts is left for the next one.
  Result<size_t> salvage_piece(uint64_t offset, ByteView stretch, bool more) {
    const std::string held(stretch);
    size_t at = 0;
    while (at + model::kRecordPrefixBytes <= held.size()) {
      const ByteView rest = ByteView(held).substr(at);
      const auto lengths = model::parse_lengths(rest);
      if (!lengths.ok() || lengths->header_bytes > kSalvageHeaderBytesMax) {
        at += model::kRecordAlignment;
        continue;
      }
      const auto record = model::parse_record(rest, seed_of(bounds_.generation));
      if (!record.ok()) {
        at += model::kRecordAlignment;
        continue;
      }
      if (record->size() > rest.size()) {
        if (more && at > 0) return at;
        break;
      }
      PH_TRY(on_record_(static_cast<uint32_t>(offset + at), *record));
      ++result_.records_salvaged;
      at += record->size();
    }
    return held.size();
  }

  // Nothing sound follows result_.end.
  Result<ScanResult> finish() {
    PH_ASSIGN(const std::optional<GroupHeader> header, header_at(result_.end));
    const bool next_group = header && header->number > result_.last_group;
    const uint64_t group_end =
        next_group ? std::min(result_.end + kGroupHeaderBytes + header->length, size_) : size_;
    const uint64_t synced = result_.durable_group;
    if (next_group ? header->number <= synced : result_.last_group < synced) {
      PH_TRY(take_whole_records(result_.end, group_end));
      result_.end = group_end;
      result_.last_group = std::max(synced, result_.last_group);
      return result_;
    }
    if (next_group)
      result_.torn_bytes = group_end - result_.end;
    else
      PH_TRY(note_partial_header());
    return result_;
  }

  // A group header that was written in part.
  Status note_partial_header() {
    PH_ASSIGN(const ByteView bytes, read(result_.end, kGroupHeaderBytes));
    constexpr size_t kGenerationAt = 8;
    if (bytes.size() == kGroupHeaderBytes && load_le<uint32_t>(bytes.data()) == kGroupMagic &&
        load_le<uint64_t>(bytes.data() + kGenerationAt) == bounds_.generation) {
      result_.torn_bytes = kGroupHeaderBytes;
    }
    return {};
  }

  io::File& file_;
  const ScanBounds& bounds_;
  const OnRecord& on_record_;
  uint64_t size_ = 0;
  std::string window_;
  uint64_t window_at_ = 0;
  ScanResult result_;
};

}  // namespace

Result<ScanResult> scan_segment(io::File& file, const ScanBounds& bounds,
                                const OnRecord& on_record) {
  return Scanner(file, bounds, on_record).run();
}

}  // namespace posthorn::store::segment
