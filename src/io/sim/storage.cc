// The hardware of the simulated disk.
#include "io/sim/storage.h"

#include <fmt/format.h>

namespace posthorn::io::sim {

void Storage::reboot(PowerCut how) {
  tree_.cut_power(how, schedule_.rng());
  cut_at_ = std::numeric_limits<uint64_t>::max();
  faults_.clear();
  locks_.clear();
  ++boot_;
}

Status Storage::flip_bits(const std::string& path, uint64_t offset, uint8_t mask) {
  const auto node = tree_.find(path);
  if (!node || *node == nullptr) return error(Errc::kNotFound, path + ": no such file");
  (*node)->flip_bits(offset, mask);
  return {};
}

Status Storage::begin(DiskCall call, const std::string& path) {
  if (!powered()) return error(Errc::kIo, path + ": the power is off");
  const bool syncs = call == DiskCall::kSync || call == DiskCall::kSyncDirectory;
  if (read_only_ && call != DiskCall::kRead && !syncs) {
    return error(Errc::kForbidden, path + ": the file system is read-only");
  }
  if (call != DiskCall::kRead) ++changes_;
  schedule_.note(path, static_cast<uint64_t>(call));
  nanoseconds time = timing_.write;
  if (call == DiskCall::kRead) time = timing_.read;
  if (syncs) time = timing_.sync;
  schedule_.spend(schedule_.draw(time / 2, time * 2));
  for (size_t i = 0; i < faults_.size(); ++i) {
    DiskFault& fault = faults_[i];
    if (fault.call != call || path.find(fault.path_contains) == std::string::npos) continue;
    if (--fault.nth > 0) continue;
    const Errc code = fault.code;
    faults_.erase(faults_.begin() + static_cast<ptrdiff_t>(i));
    return error(code, path + ": injected fault");
  }
  return {};
}

Status Storage::take_lock(const std::string& path, const std::string& holder) {
  const auto [at, taken] = locks_.try_emplace(path, holder);
  if (!taken) return error(Errc::kConflict, fmt::format("{} is held by {}", path, at->second));
  return {};
}

Status Storage::check_space(uint64_t pages) const {
  const uint64_t wanted = (tree_.pages_used() + pages) * FileImage::kPageBytes;
  if (pages > 0 && wanted > quota_bytes_) return error(Errc::kNoSpace, "no space left on the disk");
  return {};
}

}  // namespace posthorn::io::sim
