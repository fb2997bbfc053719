// Groups replies by loop and posts them.
#include "store/commit_notices.h"

#include <algorithm>

namespace posthorn::store {

// Shared by the tasks of one group; each task touches the replies of its own loop only.
struct CommitNotices::Group {
  std::vector<MessageRef> messages;
  std::vector<Reply> replies;

  std::vector<io::Loop*> loops(const AttachedList& attached) const;
  void tell(const io::Loop* loop, CommitObserver* observer);
};

// Each loop with something to hear, once: those that wait for a reply, then the observers'.
std::vector<io::Loop*> CommitNotices::Group::loops(const AttachedList& attached) const {
  std::vector<io::Loop*> found;
  const auto add = [&](io::Loop* loop) {
    if (std::find(found.begin(), found.end(), loop) == found.end()) found.push_back(loop);
  };
  for (const Reply& reply : replies) add(reply.loop);
  if (messages.empty()) return found;
  for (const auto& observed : attached) add(observed->loop);
  return found;
}

// Runs on `loop`.
void CommitNotices::Group::tell(const io::Loop* loop, CommitObserver* observer) {
  if (observer != nullptr && !messages.empty()) observer->on_committed(messages);
  for (Reply& reply : replies) {
    if (reply.loop != loop) continue;
    reply.on_appended(std::move(reply.result));
    reply.on_appended = nullptr;  // what it holds dies on its own loop
  }
}

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
  const AttachedList attached = attached_.with([](const AttachedList& list) { return list; });
  for (io::Loop* loop : group->loops(attached)) {
    const auto observed = std::find_if(attached.begin(), attached.end(),
                                       [&](const auto& one) { return one->loop == loop; });
    loop->post_remote([group, loop, own = observed == attached.end() ? nullptr : *observed] {
      group->tell(loop, own ? own->observer.load() : nullptr);
    });
  }
}

}  // namespace posthorn::store
