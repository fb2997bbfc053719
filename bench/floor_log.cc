// Group commit of the floor: pwrite + fdatasync over a recycled file, one group in flight.
#include "floor_log.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "die.h"

namespace posthorn::bench {
namespace {

void write_all(int file, std::string_view bytes, size_t at) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (written < 0) die_errno("pwrite");
    bytes.remove_prefix(static_cast<size_t>(written));
    at += static_cast<size_t>(written);
  }
}

}  // namespace

void FloorLog::Group::clear() {
  bytes.clear();
  events.clear();
}

FloorLog::FloorLog(const std::string& path, size_t segment_bytes)
    : file_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)),
      durable_fd_(eventfd(0, EFD_CLOEXEC)),
      segment_bytes_(segment_bytes) {
  if (file_ < 0) die_errno("open of the segment");
  const std::string zeros(1U << 20U, '\0');
  for (size_t at = 0; at < segment_bytes_; at += zeros.size()) write_all(file_, zeros, at);
  if (fsync(file_) != 0) die_errno("fsync");
  thread_ = std::thread([this] { sync_groups(); });
}

FloorLog::~FloorLog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  turn_.notify_one();
  thread_.join();
  close(file_);
  close(durable_fd_);
}

void FloorLog::append_message(std::string_view header, std::string_view payload, uint32_t event) {
  open_.bytes.append(header).append(payload);
  open_.events.push_back(event);
}

void FloorLog::submit() {
  if (busy_ || open_.bytes.empty()) return;
  std::swap(open_, syncing_);
  busy_ = true;
  ++groups_;
  {
    const std::lock_guard lock(mutex_);
    work_ = true;
  }
  turn_.notify_one();
}

const std::vector<uint32_t>& FloorLog::take_durable() {
  uint64_t signals = 0;
  if (read(durable_fd_, &signals, sizeof signals) != sizeof signals) die_errno("read of eventfd");
  std::swap(durable_, syncing_.events);
  syncing_.clear();
  busy_ = false;
  return durable_;
}

void FloorLog::sync_groups() {
  std::unique_lock lock(mutex_);
  while (true) {
    turn_.wait(lock, [this] { return work_ || stop_; });
    if (!work_) return;
    work_ = false;
    lock.unlock();
    write_group(syncing_.bytes);
    const uint64_t one = 1;
    if (write(durable_fd_, &one, sizeof one) != sizeof one) die_errno("write to eventfd");
    lock.lock();
  }
}

void FloorLog::write_group(std::string_view bytes) {
  if (bytes.size() > segment_bytes_) die("a group is larger than the segment");
  if (write_at_ + bytes.size() > segment_bytes_) write_at_ = 0;  // recycle
  write_all(file_, bytes, write_at_);
  write_at_ += bytes.size();
  if (fdatasync(file_) != 0) die_errno("fdatasync");
}

}  // namespace posthorn::bench
