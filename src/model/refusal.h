// Why a request is not carried out: one error, or the list of fields that are wrong. Rendered by
// api/errors only.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace posthorn::model {

// One wrong field: where ("body", "channels", "2"), a sentence, and a kind for programs.
struct FieldIssue {
  std::vector<std::string> loc;
  std::string msg;
  std::string type = "value_error";
};

// `issues` is filled for kInvalid only; `error.message` then repeats the first one.
struct Refusal {
  Error error;
  std::vector<FieldIssue> issues;
};

// Gathers issues of one request. Bounded: of a body with thousands of wrong fields the first few
// are enough.
class IssueList {
 public:
  static constexpr size_t kIssuesMax = 16;

  void add(std::vector<std::string> loc, std::string msg, std::string_view type = "value_error") {
    if (issues_.size() >= kIssuesMax) return;
    issues_.push_back({std::move(loc), std::move(msg), std::string(type)});
  }
  bool empty() const { return issues_.empty(); }
  const std::vector<FieldIssue>& issues() const { return issues_; }

  Refusal refusal() && {
    Error first = error(Errc::kInvalid, issues_.empty() ? "invalid" : issues_.front().msg);
    return Refusal{std::move(first), std::move(issues_)};
  }

 private:
  std::vector<FieldIssue> issues_;
};

}  // namespace posthorn::model
