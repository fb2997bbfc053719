// The reference model beside a store under test: fed with what the store acknowledged, asked the
// same questions. Used by the property tests and the crash suite.
#pragma once
#include <deque>
#include <string>

#include "store/engines/memory/memory_model.h"
#include "store/store.h"

namespace posthorn::store {

class ModelTwin {
 public:
  // A batch that was handed to the store; the twin keeps its contents.
  void started(const Batch& batch);
  // The oldest batch that was started and not answered came back with these results.
  void answered(const std::vector<ItemResult>& results);
  // The newest one was refused at once: it is certainly not in the log.
  void refused();
  // After a crash: of the batches that were not answered a prefix may be in the log. Takes those
  // that are there; empty, or what is wrong.
  std::string settle_unknown(Store& store);

  // Everything the store says, compared with the model; empty, or the first difference.
  std::string difference(Store& store) const;

  const MemoryModel& model() const { return model_; }
  size_t unanswered() const { return waiting_.size(); }

 private:
  size_t would_commit(const Batch& batch) const;
  std::string take_recovered(Store& store, const Batch& batch);
  std::string compare_messages(Store& store) const;
  std::string compare_pages(Store& store) const;
  std::string compare_deliveries(Store& store) const;
  std::string compare_lists(Store& store) const;
  std::string compare_due(Store& store) const;
  std::string compare_payloads(Store& store) const;

  MemoryModel model_;
  std::deque<Batch> waiting_;
};

// Equal in every field that a reader can see.
bool same(const model::Message& a, const model::Message& b);
bool same(const model::Attempt& a, const model::Attempt& b);

}  // namespace posthorn::store
