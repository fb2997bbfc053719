// Tells loops what was committed: one task per loop and group, first to its observer, then to the
// appenders that wait on that loop. Used by the committers of the engines.
#pragma once
#include <atomic>
#include <memory>
#include <vector>

#include "io/guarded.h"
#include "io/loop.h"
#include "store/message_log.h"

namespace posthorn::store {

class CommitNotices {
 public:
  // An append that waits for its group.
  struct Reply {
    io::Loop* loop = nullptr;  // null: the callback runs inside publish()
    MessageLog::OnAppended on_appended;
    AppendResult result;
  };

  // See MessageLog::observe().
  void observe(io::Loop& loop, CommitObserver* observer);
  // Any thread; messages in order of seq, so from one thread. Both vectors are taken.
  void publish(std::vector<MessageRef> messages, std::vector<Reply> replies);

 private:
  struct Attached {
    io::Loop* loop;
    std::atomic<CommitObserver*> observer;
  };
  struct Group;
  using AttachedList = std::vector<std::shared_ptr<Attached>>;
  io::Guarded<AttachedList> attached_;
};

}  // namespace posthorn::store
