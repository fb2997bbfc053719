// pure: the frame of a page.
#include "api/page.h"

namespace posthorn::api {

bool read_order(Query& query, bool ascending) {
  const auto order = query.text("order");
  if (!order || order->empty()) return ascending;
  if (*order == "ascending") return true;
  if (*order != "descending") query.refuse("order", "must be ascending or descending");
  return false;
}

WallTime read_after(Query& query) {
  const auto after = query.time("after");
  return after ? *after + microseconds{1} : WallTime{};
}

void PageWriter::end(bool done) {
  out_.append("],\"iterator\":");
  if (last_.empty()) {
    out_.append("null");
  } else {
    out_.append("\"").append(last_).append("\"");
  }
  out_.append(",\"prevIterator\":");
  if (first_.empty()) {
    out_.append("null");
  } else {
    out_.append("\"-").append(first_).append("\"");
  }
  out_.append(done ? ",\"done\":true}" : ",\"done\":false}");
}

}  // namespace posthorn::api
