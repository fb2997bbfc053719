// Makes large stores on a real disk and asks them, for `./x bench figures` (bench/figures.py) and
// by hand. Usage: store_bench MODE name=value…; prints one JSON object of figures.
//   append  dir count                       what a message of 1 KiB with its attempt costs
//   fill    dir lanes count state [dead payload at due spread]
//           `lanes`: a file of lines "app endpoint url"; message i goes to line i modulo their
//           number. `state`: pending (never tried), retry (failed once, due at `due` µs plus up to
//           `spread`) or delivered, of which message number `dead` ended dead. `payload`: a file
//           with the payload, 16 hex digits of i are put at `at`. Ends like a crash: without close.
//   lane    dir app endpoint                catches up one lane, counting the bytes read
//   dead    dir app endpoint                looks for the newest page of dead deliveries
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>

#include "io/linux/host.h"
#include "store/store.h"
#include "store/testing/bench_program.h"

namespace posthorn::store {
namespace {

constexpr size_t kBatchMessages = 1000;
constexpr size_t kBatchesInFlight = 4;
constexpr size_t kGroupBytesMax = 20u << 20;  // as the gateway opens it

std::unique_ptr<Store> open_or_fail(io::Host& host, const BenchArguments& arguments) {
  StoreOptions options;
  options.directory = arguments.text("dir");
  options.limits.group_bytes_max = kGroupBytesMax;
  options.on_fatal = [] { std::abort(); };
  auto store = open_store(host, std::move(options));
  if (!store.ok()) bench_fail(store.error().message);
  return *std::move(store);
}

struct LaneOf {
  AppId app;
  model::Targets targets;
  std::string url;
};

std::vector<LaneOf> read_lanes(const std::string& path) {
  std::vector<LaneOf> lanes;
  std::ifstream file(path);
  for (std::string app, endpoint, url; file >> app >> endpoint >> url;) {
    const auto app_id = AppId::parse(app);
    const auto endpoint_id = EndpointId::parse(endpoint);
    if (!app_id || !endpoint_id) bench_fail(fmt::format("{} has a bad line", path));
    std::vector<EndpointId> endpoints{*endpoint_id};
    lanes.push_back({*app_id, std::make_shared<const model::TargetSet>(endpoints), url});
  }
  if (lanes.empty()) bench_fail(fmt::format("{} names no lanes", path));
  return lanes;
}

struct Plan {
  std::vector<LaneOf> lanes;
  uint64_t count = 0;
  size_t batch = kBatchMessages;
  size_t in_flight = kBatchesInFlight;
  bool tried = false;
  model::DeliveryState state = model::DeliveryState::kPending;
  uint64_t dead = ~uint64_t{0};
  WallTime due;
  uint64_t spread_us = 0;
  std::string payload;
  std::optional<size_t> stamp_at;
};

// Keeps batches of messages in flight on one loop; records an attempt for each that is committed,
// if the plan says so.
class Filler : public CommitObserver {
 public:
  Filler(io::Loop& loop, Store& store, const Plan& plan)
      : loop_(loop), store_(store), plan_(plan) {}

  void run() {
    store_.log().observe(loop_, this);
    for (size_t i = 0; i < plan_.in_flight; ++i) send();
    loop_.run();
    store_.log().observe(loop_, nullptr);
  }

  // In order of seq, so the messages come in the order in which they were sent.
  void on_committed(std::span<const MessageRef> messages) override {
    Batch batch;
    for (const MessageRef& message : messages) {
      if (plan_.tried) batch.items.emplace_back(NewAttempt{attempt_on(*message, committed_)});
      ++committed_;
    }
    if (!batch.items.empty()) append(std::move(batch), [] {});
    if (!plan_.tried) done_if_over();
  }

 private:
  model::Attempt attempt_on(const model::Message& message, uint64_t number) const {
    model::Attempt attempt;
    attempt.app = message.app;
    attempt.endpoint = message.targets->endpoints().front();
    attempt.message = message.id;
    attempt.message_seq = message.seq;
    attempt.lane_floor = message.seq.next();
    attempt.started_at = message.accepted_at;
    attempt.url = plan_.lanes[number % plan_.lanes.size()].url;
    attempt.state_after = plan_.state;
    if (number == plan_.dead) {
      attempt.state_after = model::DeliveryState::kDead;
      attempt.cause = model::DeadCause::kExhausted;
    }
    const bool delivered = attempt.state_after == model::DeliveryState::kDelivered;
    attempt.outcome.kind =
        delivered ? model::OutcomeKind::kDelivered : model::OutcomeKind::kHttpError;
    attempt.outcome.status = delivered ? 200 : 500;
    if (attempt.state_after == model::DeliveryState::kPending) {
      // A permutation of the spread, so that due times and log order have nothing in common.
      constexpr uint64_t kStride = 0x9E3779B97F4A7C15ull;
      const auto later = static_cast<int64_t>(number * kStride % (plan_.spread_us + 1));
      attempt.next_due = plan_.due + microseconds{later};
    }
    return attempt;
  }

  void send() {
    if (sent_ >= plan_.count) return;
    Batch batch;
    for (size_t i = 0; i < plan_.batch && sent_ < plan_.count; ++i, ++sent_) {
      const LaneOf& lane = plan_.lanes[sent_ % plan_.lanes.size()];
      auto message = std::make_shared<model::Message>();
      message->app = lane.app;
      message->event_type = "invoice.paid";
      message->targets = lane.targets;
      message->payload = plan_.payload;
      if (plan_.stamp_at)
        message->payload.replace(*plan_.stamp_at, 16, fmt::format("{:016x}", sent_));
      batch.items.emplace_back(NewMessage{std::move(message)});
    }
    append(std::move(batch), [this] { send(); });
  }

  void append(Batch batch, Task then) {
    const bool attempts = std::holds_alternative<NewAttempt>(batch.items.front());
    const size_t made = attempts ? batch.items.size() : 0;
    auto answer = [this, made, then = std::move(then)](const AppendResult& result) mutable {
      if (!result.ok()) bench_fail(result.error().message);
      recorded_ += made;
      then();
      done_if_over();
    };
    const Status started = store_.log().append(std::move(batch), loop_, std::move(answer));
    if (!started.ok()) bench_fail(started.error().message);
  }

  void done_if_over() {
    if (committed_ >= plan_.count && (!plan_.tried || recorded_ >= plan_.count)) loop_.stop();
  }

  io::Loop& loop_;
  Store& store_;
  const Plan& plan_;
  uint64_t sent_ = 0;
  uint64_t committed_ = 0;
  uint64_t recorded_ = 0;
};

double user_seconds(int of) {
  rusage usage{};
  getrusage(of, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec) * 1e-6;
}

int bench_append(io::Host& host, const BenchArguments& arguments) {
  const auto store = open_or_fail(host, arguments);
  Plan plan;
  std::vector<EndpointId> endpoints(1);
  endpoints[0].bytes.raw[19] = 1;
  plan.lanes.push_back(
      {AppId{}, std::make_shared<const model::TargetSet>(endpoints), "http://127.0.0.1:8080/hook"});
  plan.lanes[0].app.bytes.raw[19] = 7;
  plan.count = arguments.number("count", 1'000'000);
  plan.batch = 1;
  plan.in_flight = 256;
  plan.tried = true;
  plan.state = model::DeliveryState::kDelivered;
  plan.payload.assign(1024, 'x');
  const auto loop = host.make_loop();
  Filler filler(*loop, *store, plan);
  const MonoTime start = host.clock().now();
  const double all = user_seconds(RUSAGE_SELF);
  const double own = user_seconds(RUSAGE_THREAD);
  filler.run();
  const auto pairs = static_cast<double>(plan.count);
  fmt::print(R"({{"pairs_per_s":{:.0f},"user_us":{:.2f},"loop_user_us":{:.2f},"rss_mib":{}}})"
             "\n",
             pairs / seconds_since(host, start), (user_seconds(RUSAGE_SELF) - all) / pairs * 1e6,
             (user_seconds(RUSAGE_THREAD) - own) / pairs * 1e6, resident_mib());
  return store->close().ok() ? 0 : 1;
}

Plan plan_of(const BenchArguments& arguments) {
  Plan plan;
  plan.lanes = read_lanes(arguments.text("lanes"));
  plan.count = arguments.number("count", 0);
  const std::string& state = arguments.text("state");
  plan.tried = state != "pending";
  if (state == "delivered") plan.state = model::DeliveryState::kDelivered;
  plan.dead = arguments.number("dead", plan.dead);
  plan.due.us = static_cast<int64_t>(arguments.number("due", 0));
  plan.spread_us = arguments.number("spread", 0);
  plan.payload.assign(256, 'x');
  if (arguments.has("payload")) {
    std::ifstream file(arguments.text("payload"));
    plan.payload.assign(std::istreambuf_iterator<char>(file), {});
    plan.stamp_at = arguments.number("at", 0);
    if (*plan.stamp_at + 16 > plan.payload.size())
      bench_fail("the payload has no room for its number");
  }
  return plan;
}

// Does what the gateway does in the background, until told to end.
class Maintainer {
 public:
  Maintainer(io::Host& host, Store& store)
      : store_(store), worker_(host.make_worker("maintainer", 4)) {
    step();
  }
  ~Maintainer() { ending_ = true; }
  Maintainer(const Maintainer&) = delete;
  Maintainer& operator=(const Maintainer&) = delete;

 private:
  void step() {
    worker_->post([this] {
      if (ending_) return;
      const Result<bool> more = store_.maintain();
      if (!more.ok()) bench_fail(more.error().message);
      step();
    });
  }

  Store& store_;
  std::atomic<bool> ending_{false};
  std::unique_ptr<io::Worker> worker_;
};

int fill(io::Host& host, const BenchArguments& arguments) {
  const Plan plan = plan_of(arguments);
  const auto store = open_or_fail(host, arguments);
  const auto loop = host.make_loop();
  const MonoTime start = host.clock().now();
  {
    const Maintainer maintainer(host, *store);
    Filler(*loop, *store, plan).run();
  }
  fmt::print(R"({{"messages":{},"seconds":{:.1f},"rss_mib":{}}})"
             "\n",
             plan.count, seconds_since(host, start), resident_mib());
  std::fflush(stdout);
  std::_Exit(0);  // like a crash: what the last checkpoint does not cover must be replayed
}

template <typename IdType>
IdType id_of(const BenchArguments& arguments, std::string_view name) {
  const auto id = IdType::parse(arguments.text(name));
  if (!id) bench_fail(fmt::format("{} is no id", name));
  return *id;
}

int catch_up(io::Host& host, const BenchArguments& arguments) {
  const auto store = open_or_fail(host, arguments);
  LaneQuery query;
  query.app = id_of<AppId>(arguments, "app");
  query.endpoint = id_of<EndpointId>(arguments, "endpoint");
  const uint64_t before = bytes_read();
  const MonoTime start = host.clock().now();
  size_t messages = 0;
  for (bool at_end = false; !at_end;) {
    const auto read = store->log().read_lane(query);
    if (!read.ok()) bench_fail(read.error().message);
    messages += read->messages.size();
    query.from = read->next;
    at_end = read->at_end;
  }
  fmt::print(R"({{"messages":{},"read_mib":{:.2f},"seconds":{:.4f}}})"
             "\n",
             messages, static_cast<double>(bytes_read() - before) / (1 << 20),
             seconds_since(host, start));
  return 0;
}

int find_dead(io::Host& host, const BenchArguments& arguments) {
  const auto store = open_or_fail(host, arguments);
  DeliveryQuery query;
  query.app = id_of<AppId>(arguments, "app");
  query.endpoint = id_of<EndpointId>(arguments, "endpoint");
  query.state = model::DeliveryState::kDead;
  std::string took;
  uint64_t before = 0;
  for (int again = 0; again < 5; ++again) {
    before = bytes_read();
    const MonoTime start = host.clock().now();
    const auto page = store->history().list(query);
    took += fmt::format("{}{:.2f}", again == 0 ? "" : ",", seconds_since(host, start) * 1e3);
    if (!page.ok()) bench_fail(page.error().message);
    if (page->items.size() != 1) bench_fail(fmt::format("{} dead deliveries", page->items.size()));
  }
  fmt::print(R"({{"ms":[{}],"read_kib":{},"rss_mib":{}}})"
             "\n",
             took, (bytes_read() - before) >> 10, resident_mib());
  return 0;
}

int run(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  const BenchArguments arguments(argc, argv, std::min(argc, 2));
  const auto host = io::make_linux_host();
  if (mode == "append") return bench_append(*host, arguments);
  if (mode == "fill") return fill(*host, arguments);
  if (mode == "lane") return catch_up(*host, arguments);
  if (mode == "dead") return find_dead(*host, arguments);
  bench_fail("append, fill, lane or dead?");
}

}  // namespace
}  // namespace posthorn::store

int main(int argc, char** argv) { return posthorn::store::run(argc, argv); }
