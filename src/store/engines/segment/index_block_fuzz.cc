// Index, sidecar, key and due files whose checksums hold and whose contents are anything: every
// reader answers or says kCorrupt, within bounds, and ends.
#include "store/engines/segment/dedupe_file.h"
#include "store/engines/segment/due_merge.h"
#include "store/engines/segment/index_format.h"
#include "store/engines/segment/outcome_sidecar.h"
#include "store/engines/segment/segment_index.h"
#include "store/testing/loose_blocks.h"
#include "store/testing/memory_disk.h"

namespace posthorn::store::segment {
namespace {

constexpr int kStepsMax = 2000;

void walk(const SortedFile& file, const TableInfo& info) {
  const uint8_t table = info.shape.table;
  SortedCursor cursor = file.cursor(table);
  Status moved = cursor.seek_first();
  for (int i = 0; i < kStepsMax && moved.ok() && cursor.valid(); ++i) moved = cursor.next();
  moved = cursor.seek_last();
  for (int i = 0; i < kStepsMax && moved.ok() && cursor.valid(); ++i) moved = cursor.prev();
  TableScan scan(file, table);
  for (int i = 0; i < kStepsMax; ++i) {
    const auto entry = scan.next();
    if (!entry.ok() || entry->empty()) break;
    const std::string key(entry->substr(0, info.shape.key_bytes));
    (void)file.find(table, key).ok();
    (void)file.may_contain(table, key).ok();
  }
  if (info.filter_lines == 0) return;
  for (uint8_t layer = 0; layer < info.shape.filter.layers; ++layer) {
    (void)file.load_layer(table, layer).ok();
  }
}

void ask(SegmentIndex& index) {
  const SegmentSpan span = index.span();
  const Seq middle{span.first.value + (span.last.value - span.first.value) / 2};
  EntryQuery query{1, {}, kEndOfLog, true, 10};
  SortedCursor cursor = index.file()->cursor(kEndpointSets);
  if (cursor.seek_first().ok() && cursor.valid())
    query.tail = load_le<uint64_t>(cursor.key().data());
  for (const bool ascending : {true, false}) {
    query.ascending = ascending;
    (void)index.messages_of_app(query).ok();
    (void)index.messages_to_endpoint(query).ok();
    (void)index.attempts_to_endpoint(query, {}).ok();
    query.from = middle;
  }
  for (const Seq seq : {span.first, middle, span.last}) {
    (void)index.message(seq).ok();
    (void)index.attempts_of_message({seq, std::nullopt, {}, 10}).ok();
    (void)index.delivery(seq, EndpointId{span.first_id}).ok();
  }
  (void)index.messages_with_id(MessageId{span.first_id}).ok();
  (void)index.attempts_with_id(AttemptId{span.last_id}).ok();
  (void)index.message_of_delivery(span.segment, span.deliveries / 2).ok();
  (void)index.target_set(span.segment, 0).ok();
  (void)index.first_at(span.last_id.time()).ok();
}

void read_due(const std::shared_ptr<const SortedFile>& file) {
  const TableInfo* info = file->table(kDueShape.table);
  if (info == nullptr || info->shape.key_bytes != kDueShape.key_bytes ||
      info->shape.value_bytes != kDueShape.value_bytes || info->entries == 0) {
    return;
  }
  const auto run = std::make_shared<DueRun>(1, DueBucket{}, file);
  DueMerge merge({run}, {});
  for (int i = 0; i < kStepsMax && merge.top() != nullptr; ++i) {
    (void)decode_due(merge.top()->entry);
    if (i % 3 == 0) run->mark_gone(merge.top()->slot);
    merge.next();
  }
}

void read_file(BlockCache& cache) {
  const auto file = SortedFile::open(cache, "f");
  if (!file.ok()) return;
  CHECK((*file)->verify().ok(), "all checksums hold");
  for (int table = 0; table < 256; ++table) {
    const TableInfo* info = (*file)->table(static_cast<uint8_t>(table));
    if (info == nullptr) continue;
    if (info->shape.entry_bytes() == 0)
      (void)(*file)->read_bytes(info->shape.table, 0, 1 << 20).ok();
    else
      walk(**file, *info);
  }
  if (const auto index = SegmentIndex::open(cache, "f"); index.ok()) ask(**index);
  if (is_sidecar(**file)) (void)Sidecar::load(**file).ok();
  (void)open_key_file(cache, "f", {1, 2}).ok();
  read_due(*file);
}

}  // namespace

void fuzz_index_block(ByteView input) {
  testing::MemoryDisk disk;
  disk.set_bytes("f", blocks_from_loose(input));
  OpenFiles files(disk, 2);
  BlockCache cache(files, 1 << 20);
  read_file(cache);
}

}  // namespace posthorn::store::segment

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  posthorn::store::segment::fuzz_index_block({reinterpret_cast<const char*>(data), size});
  return 0;
}
