// The floor's durable log: one recycled, pre-written segment file and one thread that writes and
// syncs a group at a time. The event loop fills the next group while the last one syncs; that is
// group commit. Used by floor.cc only.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace posthorn::bench {

class FloorLog {
 public:
  // Writes the whole segment once, so that later syncs never allocate blocks or change metadata.
  FloorLog(const std::string& path, size_t segment_bytes);
  ~FloorLog();
  FloorLog(const FloorLog&) = delete;
  FloorLog& operator=(const FloorLog&) = delete;

  // Event loop: adds a record to the open group. `event` is handed back by take_durable() once the
  // record is on disk.
  void append_message(std::string_view header, std::string_view payload, uint32_t event);

  // Event loop: a record nobody waits for.
  void append_attempt(std::string_view record) { open_.bytes.append(record); }

  // Event loop: hands the open group to the sync thread when that one is idle.
  void submit();

  // Readable when a group has become durable; then take_durable() returns its events.
  int durable_fd() const { return durable_fd_; }
  const std::vector<uint32_t>& take_durable();

  uint64_t groups() const { return groups_; }

 private:
  struct Group {
    std::string bytes;
    std::vector<uint32_t> events;
    void clear();
  };

  void sync_groups();
  void write_group(std::string_view bytes);

  int file_;
  int durable_fd_;
  size_t segment_bytes_;
  size_t write_at_ = 0;  // sync thread only
  uint64_t groups_ = 0;
  bool busy_ = false;  // event loop only: the sync thread has a group
  Group open_;         // event loop only
  Group syncing_;      // whoever has the turn
  std::vector<uint32_t> durable_;

  std::mutex mutex_;
  std::condition_variable turn_;
  bool work_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace posthorn::bench
