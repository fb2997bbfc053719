// The value of every limit, in one place, checked against each other at compile time. What a limit
// means stands with the module's own …Limits struct.
#pragma once
#include <cstddef>
#include <cstdint>

#include "catalog/catalog.h"
#include "http/client.h"
#include "http/server.h"
#include "ingest/http_ingest.h"
#include "record/settle.h"
#include "schedule/scheduler.h"
#include "store/store.h"

namespace posthorn::app {

inline constexpr size_t kBodySlackBytes = 64u << 10;  // of a request around its payload
inline constexpr size_t kBatchBytesMax = 16u << 20;
inline constexpr size_t kStrangerBodyMax = 4096;    // of a request without a valid token
inline constexpr size_t kConnectionsMax = 8192;     // to receivers, all shards together
inline constexpr size_t kReaderTasksMax = 4096;     // blocking reads that may wait
inline constexpr size_t kDescriptorsReserved = 64;  // for disk and administration
inline constexpr store::StoreLimits kStoreLimits = [] {
  store::StoreLimits limits;
  limits.group_bytes_max = 20u << 20;  // one commit holds the largest batch
  return limits;
}();
inline constexpr schedule::SchedulerLimits kSchedulerLimits{};
inline constexpr http::ServerLimits kServerLimits = [] {
  http::ServerLimits limits;
  limits.drain_bytes_max = 2 * kBatchBytesMax;  // a body somewhat too large still sees its 413
  return limits;
}();

static_assert(kBatchBytesMax + kBodySlackBytes <= kStoreLimits.commit_queue_bytes_max,
              "a batch must fit the commit queue");
static_assert(kBatchBytesMax + kBodySlackBytes <= kStoreLimits.group_bytes_max,
              "the largest batch must fit a group");
static_assert(kStoreLimits.group_bytes_max <= kStoreLimits.segment_bytes / 2,
              "a segment must hold several groups");
static_assert(kStoreLimits.group_bytes_max <= kStoreLimits.commit_queue_bytes_max);
static_assert(kSchedulerLimits.lane.window_start <= kSchedulerLimits.lane.window_max);
static_assert(kSchedulerLimits.lane.ready_bytes_max < kSchedulerLimits.ready_bytes_max,
              "one lane must not hold what all may");
static_assert(kServerLimits.drain_bytes_max > kBatchBytesMax + kBodySlackBytes);
static_assert(kServerLimits.buffer_bytes_max > 2 * kBatchBytesMax);
static_assert(kSchedulerLimits.reads_max + 2 <= kReaderTasksMax);

}  // namespace posthorn::app
