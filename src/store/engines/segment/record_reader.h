// Reads single records of the log by their place, verified. Any thread but the loops.
#pragma once
#include <string>

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
