// The simulated machine with a gateway in it.
#include "app/testing/sim_city.h"

#include "api/auth.h"
#include "base/check.h"
#include "wire/json.h"

namespace posthorn::app::testing {

Receiver::Receiver(io::Loop& loop, const SocketAddress& at)
    : loop_(loop),
      server_(loop, {},
              {[this](http::Request& request, http::Responder responder) {
                 Webhook webhook;
                 webhook.at = loop_.clock().now();
                 webhook.id = request.header("webhook-id");
                 webhook.timestamp = request.header("webhook-timestamp");
                 webhook.signature = request.header("webhook-signature");
                 webhook.content_type = request.header("content-type");
                 webhook.body = request.body;
                 http::Response response;
                 if (!statuses.empty()) {
                   response.status = statuses.front();
                   statuses.pop_front();
                 }
                 webhook.answered = silent ? 0 : response.status;
                 webhooks.push_back(std::move(webhook));
                 if (silent)
                   unanswered_.push_back(std::move(responder));
                 else
                   responder.send(std::move(response));
               },
               [](const wire::RequestHead&) { return http::Server::BodyBound{2u << 20}; },
               [](int, std::string_view reason) { return std::string(reason); }}) {
  CHECK(server_.listen(at, {}).ok());
}

void Receiver::answer_all() {
  for (http::Responder& responder : std::exchange(unanswered_, {})) responder.send({});
}

std::string Answer::text(const std::string& member) const {
  const auto parsed = wire::parse_json(body);
  wire::JsonObject object;
  if (!parsed.ok() || !object.assign(*parsed).ok()) return {};
  const wire::JsonValue* value = object.find(member);
  if (value == nullptr) return {};
  std::string scratch;
  const auto text = value->text(scratch);
  return std::string(text ? *text : value->raw());
}

SimCity::SimCity(uint64_t seed) : world(seed), outside(world.make_loop()) {
  set_log_level(LogLevel::kError);
  config.server_listen = *SocketAddress::parse("10.0.0.1:8071");
  config.store_data_dir = "/data";
  config.store_engine = "memory";
  config.auth_jwt_secret = "a secret of the simulated city";
  config.delivery_allow_targets = {*Cidr::parse("10.0.0.0/8")};
  client_ = std::make_unique<http::Client>(*outside, nullptr, http::ClientLimits{});
}

SimCity::~SimCity() {
  if (gateway != nullptr) stop();
}

Status SimCity::start() {
  GatewayOptions options;
  options.die = [](ExitCode) {};
  options.store_limits = store_limits;
  auto started = Gateway::start(world, config, options);
  if (!started.ok()) return std::move(started).error();
  gateway = *std::move(started);
  model::Caller caller;
  caller.organization = catalog::default_organization();
  token_ = api::make_token(config.auth_jwt_secret, {caller, world.clock().wall()});
  return {};
}

void SimCity::begin_stop() {
  if (!std::exchange(stopping_, true)) gateway->stop();
}

bool SimCity::stop() {
  begin_stop();
  const bool stopped = world.run_until([&] { return gateway->stopped(); }, seconds{120});
  return end() && stopped;
}

bool SimCity::end() {
  const bool closed = gateway->close().ok();
  gateway.reset();
  stopping_ = false;
  return closed;
}

void SimCity::crash(io::sim::PowerCut how) {
  world.storage().cut_power_after(0);
  gateway.reset();
  world.storage().reboot(how);
}

Answer SimCity::call(wire::HttpMethod method, const std::string& path, const std::string& body,
                     nanoseconds patience) {
  std::string head;
  wire::append_request_line(head, method, path);
  wire::append_header(head, "Host", "gateway");
  wire::append_header(head, "Authorization", "Bearer " + token_);
  if (!body.empty()) wire::append_header(head, "Content-Type", "application/json");
  wire::append_header(head, "Content-Length", body.size());
  wire::end_head(head);
  http::Exchange exchange;
  exchange.key.address = config.server_listen;
  exchange.request = {head, body};
  exchange.deadline = world.clock().now() + patience;
  exchange.body_keep_max = 4u << 20;
  bool done = false;
  Answer answer;
  const auto pending = client_->send(std::move(exchange), [&](http::ExchangeResult result) {
    answer.status = result.error == http::ExchangeError::kNone ? result.status : 0;
    answer.body = std::move(result.body);
    done = true;
  });
  world.run_until([&] { return done; }, seconds{60});
  return answer;
}

}  // namespace posthorn::app::testing
