// Groups replies by loop and posts them.
#include "store/commit_notices.h"

#include <algorithm>

namespace posthorn::store {

// Shared by the tasks of one group; each task touches the replies of its own loop only.
struct CommitNotices::Group {
  std::vector<MessageRef> messages;
  std::vector<Reply> replies;
};

void CommitNotices::observe(io::Loop& loop, CommitObserver* observer) {
  attached_.with([&](AttachedList& list) {
    const auto at = std::find_if(list.begin(), list.end(),
                                 [&](const auto& attached) { return attached->loop == &loop; });
    if (at != list.end()) {
      // A task that is on its way sees the change: both are on the loop's thread.
      (*at)->observer.store(observer);
      if (observer == nullptr) list.erase(at);
      return;
    }
    if (observer == nullptr) return;
    auto attached = std::make_shared<Attached>();
    attached->loop = &loop;
    attached->observer.store(observer);
    list.push_back(std::move(attached));
  });
}

void CommitNotices::publish(std::vector<MessageRef> messages, std::vector<Reply> replies) {
  for (Reply& reply : replies) {
    if (reply.loop == nullptr) reply.on_appended(std::move(reply.result));
  }
  std::erase_if(replies, [](const Reply& reply) { return reply.loop == nullptr; });
  const auto group = std::make_shared<Group>();
  group->messages = std::move(messages);
  group->replies = std::move(replies);
  std::vector<io::Loop*> loops;
  for (const Reply& reply : group->replies) {
    if (std::find(loops.begin(), loops.end(), reply.loop) == loops.end()) {
      loops.push_back(reply.loop);
    }
  }
  const AttachedList attached = attached_.with([](const AttachedList& list) { return list; });
  for (const auto& observed : attached) {
    if (std::find(loops.begin(), loops.end(), observed->loop) == loops.end() &&
        !group->messages.empty()) {
      loops.push_back(observed->loop);
    }
  }
  for (io::Loop* loop : loops) {
    std::shared_ptr<Attached> observed;
    for (const auto& candidate : attached) {
      if (candidate->loop == loop) observed = candidate;
    }
    loop->post_remote([group, loop, observed = std::move(observed)] {
      CommitObserver* observer = observed ? observed->observer.load() : nullptr;
      if (observer != nullptr && !group->messages.empty()) observer->on_committed(group->messages);
      for (Reply& reply : group->replies) {
        if (reply.loop != loop) continue;
        reply.on_appended(std::move(reply.result));
        reply.on_appended = nullptr;  // what it holds dies on its own loop
      }
    });
  }
}

}  // namespace posthorn::store
