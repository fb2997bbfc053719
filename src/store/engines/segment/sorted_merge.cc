// Merging tables with a heap of scans.
#include "store/engines/segment/sorted_merge.h"

#include <algorithm>
#include <cstring>

namespace posthorn::store::segment {

TableMerge::TableMerge(std::vector<SortedFileRef> inputs, const TableShape& shape)
    : inputs_(std::move(inputs)), shape_(shape) {
  for (size_t age = 0; age < inputs_.size(); ++age) {
    const TableInfo* info = inputs_[age]->table(shape.table);
    if (info == nullptr || info->entries == 0) continue;
    CHECK(info->shape.entry_bytes() == shape.entry_bytes(), "merge of unlike tables");
    entries_max_ += info->entries;
    distinct_max_ += info->distinct;
    sources_.push_back({TableScan(*inputs_[age], shape.table), age, {}});
  }
}

bool TableMerge::later(size_t a, size_t b) const {
  const Source& x = sources_[a];
  const Source& y = sources_[b];
  const int order = std::memcmp(x.entry.data(), y.entry.data(), shape_.key_bytes);
  return order != 0 ? order > 0 : x.age < y.age;
}

Status TableMerge::start() {
  started_ = true;
  for (size_t i = 0; i < sources_.size(); ++i) {
    PH_ASSIGN(sources_[i].entry, sources_[i].scan.next());
    if (!sources_[i].entry.empty()) heap_.push_back(i);
  }
  std::make_heap(heap_.begin(), heap_.end(), [&](size_t a, size_t b) { return later(a, b); });
  return {};
}

Status TableMerge::advance_top() {
  const auto order = [&](size_t a, size_t b) { return later(a, b); };
  std::pop_heap(heap_.begin(), heap_.end(), order);
  Source& source = sources_[heap_.back()];
  PH_ASSIGN(source.entry, source.scan.next());
  if (source.entry.empty())
    heap_.pop_back();
  else
    std::push_heap(heap_.begin(), heap_.end(), order);
  return {};
}

Result<ByteView> TableMerge::next() {
  if (!started_) PH_TRY(start());
  const ByteView given_key = ByteView(given_).substr(0, shape_.key_bytes);
  while (!heap_.empty()) {
    const ByteView entry = sources_[heap_.front()].entry;
    if (!given_.empty() && entry.starts_with(given_key)) {
      PH_TRY(advance_top());
      continue;
    }
    given_ = entry;
    PH_TRY(advance_top());
    return ByteView(given_);
  }
  return ByteView();
}

Status merge_tables(std::span<const SortedFileRef> inputs, const TableShape& shape,
                    const KeepEntry& keep, SortedFileWriter& out) {
  TableMerge merge({inputs.begin(), inputs.end()}, shape);
  PH_TRY(out.begin_table(shape, merge.distinct_max()));
  while (true) {
    PH_ASSIGN(const ByteView entry, merge.next());
    if (entry.empty()) return out.end_table();
    if (keep(entry)) PH_TRY(out.add(entry));
  }
}

}  // namespace posthorn::store::segment
