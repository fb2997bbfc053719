// Reads single records of the log by their place, verified. Any thread but the loops.
#pragma once
#include <string>
#include <string_view>

#include "model/encoding.h"
#include "store/engines/segment/index_reader.h"
#include "store/engines/segment/open_files.h"
#include "store/engines/segment/segment_files.h"

namespace posthorn::store::segment {

// The bytes of a record and the view into them. Moves keep the view (records never fit a string's
// own buffer).
struct StoredRecord {
  std::string bytes;
  model::RecordView view;
};

// A damaged record costs itself, not the page it would be on; nor does one whose segment has left
// the log since it was looked up. Says in the log which of `what` is damaged.
bool is_left_out(const Error& failure, std::string_view what);
template <typename T>
bool is_left_out(const Result<T>& record, std::string_view what) {
  return !record.ok() && is_left_out(record.error(), what);
}

class RecordReader {
 public:
  RecordReader(OpenFiles& open_files, SegmentFiles& segments)
      : open_files_(open_files), segments_(segments) {}

  // kCorrupt when the header is damaged or another record lies there, kNotFound when the segment
  // is gone. The payload is not judged here (see model::payload_state).
  Result<StoredRecord> read(const RecordPlace& place);
  // Remembers that what lies there was found damaged; answers `why`.
  Error damaged(const RecordPlace& place, Error why);

 private:
  Result<StoredRecord> read_from_file(const RecordPlace& place);

  OpenFiles& open_files_;
  SegmentFiles& segments_;
};

}  // namespace posthorn::store::segment
