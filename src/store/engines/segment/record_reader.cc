// One read for most records, a second one for long ones.
#include "store/engines/segment/record_reader.h"

#include <fmt/format.h>

#include "base/log.h"

namespace posthorn::store::segment {
namespace {
// Holds the header and payload of nearly every record.
constexpr size_t kFirstReadBytes = 4096;
static_assert(model::kRecordPrefixBytes > sizeof(std::string));
}  // namespace

bool is_left_out(const Error& failure, std::string_view what) {
  if (failure.code == Errc::kNotFound) return true;
  if (failure.code != Errc::kCorrupt) return false;
  log(LogLevel::kError, "store", "{} is left out: {}", what, failure.message);
  return true;
}

Result<StoredRecord> RecordReader::read(const RecordPlace& place) {
  Result<StoredRecord> record = read_from_file(place);
  if (record.ok() || record.error().code != Errc::kCorrupt) return record;
  // The file may have been taken out of the log, and zeroed, since the place was looked up.
  if (segments_.exists(place.segment)) return damaged(place, std::move(record).error());
  return error(Errc::kNotFound, fmt::format("segment {} has left the log", place.segment.value));
}

Error RecordReader::damaged(const RecordPlace& place, Error why) {
  segments_.note_damage(place.segment);
  return why;
}

Result<StoredRecord> RecordReader::read_from_file(const RecordPlace& place) {
  PH_ASSIGN(const uint32_t seed, segments_.seed_of(place.segment));
  PH_ASSIGN(const auto file, open_files_.open(segments_.path(place.segment)));
  StoredRecord record;
  record.bytes.resize(kFirstReadBytes);
  PH_ASSIGN(const size_t got, file->read(place.offset, record.bytes));
  record.bytes.resize(got);
  PH_ASSIGN(const model::RecordLengths lengths, model::parse_lengths(record.bytes));
  const size_t wanted = size_t{lengths.header_bytes} + lengths.payload_bytes;
  if (place.offset + wanted > segments_.segment_bytes()) {
    return error(Errc::kCorrupt, fmt::format("record {} is longer than its segment {}",
                                             place.seq.value, place.segment.value));
  }
  if (wanted > got) {
    record.bytes.resize(wanted);
    PH_ASSIGN(const size_t more,
              file->read(place.offset + got, std::span(record.bytes).subspan(got)));
    record.bytes.resize(got + more);
  }
  PH_ASSIGN(record.view, model::parse_record(record.bytes, seed)
                             .context(fmt::format("record {} in segment {}", place.seq.value,
                                                  place.segment.value)));
  if (record.view.seq != place.seq) {
    return error(Errc::kCorrupt,
                 fmt::format("segment {} holds record {} where {} should be", place.segment.value,
                             record.view.seq.value, place.seq.value));
  }
  return record;
}

}  // namespace posthorn::store::segment
