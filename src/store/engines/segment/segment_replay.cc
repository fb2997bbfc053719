// Reading a segment again.
#include "store/engines/segment/segment_replay.h"

#include <fmt/format.h>

#include "base/log.h"
#include "store/engines/segment/live_state.h"

namespace posthorn::store::segment {
namespace {

// Messages that name a set which damage took have no targets; more lost sets are not believed.
constexpr size_t kSetsLostMax = 1u << 16;

class Replay {
 public:
  Replay(SegmentNumber number, Seq through, const ReplayVisitor& visit)
      : through_(through), visit_(visit), index_(std::make_shared<OpenIndex>(number)) {}

  Status take(uint32_t offset, const model::RecordView& record) {
    if (record.type == model::RecordType::kTargetSet) {
      take_set(record);
      return {};
    }
    if (record.seq <= newest_ || record.seq > through_) return {};
    newest_ = record.seq;
    const Status taken = take_record({offset, record.set_id}, record);
    if (!taken.ok()) {
      log(LogLevel::kError, "store", "record {} is left out: {}", record.seq.value,
          taken.error().message);
    }
    return {};
  }
  std::shared_ptr<OpenIndex> index() { return std::move(index_); }

 private:
  void take_set(const model::RecordView& record) {
    if (record.set_id < sets_.size()) return;  // salvaged twice
    Result<model::TargetSet> set = model::decode_target_set(record);
    if (!set.ok() || record.set_id - sets_.size() > kSetsLostMax) return;
    while (sets_.size() < record.set_id) add_set(model::TargetSet({}));
    add_set(std::move(set).value());
  }

  void add_set(model::TargetSet set) {
    sets_.push_back(std::make_shared<const model::TargetSet>(std::move(set)));
    index_->add_set(static_cast<uint32_t>(sets_.size() - 1), sets_.back());
  }

  Status take_record(const Placed& at, const model::RecordView& record) {
    switch (record.type) {
      case model::RecordType::kMessage: {
        PH_ASSIGN(model::Message message, model::decode_message(record, false));
        if (at.set >= sets_.size()) {
          return error(Errc::kCorrupt, fmt::format("its target set {} is lost", at.set));
        }
        message.targets = sets_[at.set];
        index_record(*index_, message, at);
        if (visit_.message) visit_.message(message);
        return {};
      }
      case model::RecordType::kAttempt: {
        PH_ASSIGN(const model::Attempt attempt, model::decode_attempt(record, false));
        index_record(*index_, attempt, at);
        if (visit_.attempt) visit_.attempt(attempt);
        return {};
      }
      case model::RecordType::kCommand: {
        PH_ASSIGN(const model::Command command, model::decode_command(record));
        if (visit_.command) visit_.command(command);
        return {};
      }
      case model::RecordType::kTargetSet:
        break;
    }
    return error(Errc::kUnsupported, "a record of a type that this build does not have");
  }

  const Seq through_;
  const ReplayVisitor& visit_;
  std::shared_ptr<OpenIndex> index_;
  std::vector<model::Targets> sets_;
  Seq newest_;
};

// What is known of the groups of a segment: all in front of the next one were synced.
Result<ScanBounds> bounds_of(SegmentFiles& files, SegmentNumber number) {
  ScanBounds bounds;
  PH_ASSIGN(bounds.generation, files.generation_of(number));
  if (bounds.generation == 0) {
    return error(Errc::kNotFound, fmt::format("segment {} holds nothing", number.value));
  }
  const auto next = files.header_of(number.next());
  if (next.ok() && *next) bounds.durable_group = (*next)->first_group - 1;
  return bounds;
}

}  // namespace

Result<ReplayedSegment> replay_segment(SegmentFiles& files, SegmentNumber number, Seq through,
                                       const ReplayVisitor& visit) {
  PH_ASSIGN(const ScanBounds bounds, bounds_of(files, number));
  PH_ASSIGN(const auto file, files.open(number, io::OpenMode::kRead));
  Replay replay(number, through, visit);
  ReplayedSegment replayed;
  PH_ASSIGN(replayed.scan,
            scan_segment(*file, bounds, [&](uint32_t offset, const model::RecordView& record) {
              return replay.take(offset, record);
            }));
  replayed.index = replay.index();
  return replayed;
}

}  // namespace posthorn::store::segment
