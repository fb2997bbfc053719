// One rewriting of due runs into one, taken in bounded steps. Private to the due runs.
#pragma once
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "store/engines/segment/due_merge.h"
#include "store/engines/segment/due_runs.h"
#include "store/engines/segment/sorted_file_writer.h"

namespace posthorn::store::segment {

struct DuePlan {
  std::vector<DueRunRef> inputs;
  DueBucket bucket;  // of the output
};

// Which runs to rewrite next; no inputs: none.
DuePlan plan_due_compaction(const std::vector<DueRunRef>& runs, const DueRunsOptions& options);

class DueCompaction {
 public:
  DueCompaction(DuePlan plan, uint64_t number, std::string path);

  // Reads at most `entries_max` entries; true when it is done. After an error it is to be dropped.
  Result<bool> step(io::Disk& disk, size_t entries_max, const IsLive& is_live);
  const DuePlan& plan() const { return plan_; }
  uint64_t number() const { return number_; }
  const std::string& path() const { return path_; }
  // Of a done one: false when nothing was live, and no file was written.
  bool wrote() const { return kept_ > 0; }
  bool damaged() const { return merge_.damaged(); }
  // An entry of an input went after it may have been copied: it must go from the output too.
  void note_gone(const DueEntry& entry) { gone_.push_back(entry); }
  const std::vector<DueEntry>& gone() const { return gone_; }

 private:
  const DuePlan plan_;
  const uint64_t number_;
  const std::string path_;
  DueMerge merge_;
  std::unique_ptr<SortedFileWriter> writer_;
  uint64_t kept_ = 0;
  std::string last_key_;
  std::vector<DueEntry> gone_;
};

}  // namespace posthorn::store::segment
