// Threads of the catalog: changes are queued to one worker, which writes them one after another;
// their answers wait for every loop. What a change does is in applications.cc and endpoints.cc.
#include "catalog/catalog.h"

#include <fmt/format.h>

#include <atomic>

#include "catalog/internal/publisher.h"
#include "catalog/internal/writer.h"

namespace posthorn::catalog {
namespace {

// Shared with what waits in loops, which may outlive the catalog.
using Waiting = std::shared_ptr<std::atomic<size_t>>;

// One change that was asked for: its answer and where to give it.
template <typename Answer>
struct Asked {
  Asked(io::Loop& loop, UniqueFunction<void(Answer)> callback, Waiting count)
      : reply_to(loop), done(std::move(callback)), waiting(std::move(count)) {}
  void answer(Answer result) {
    reply_to.post_remote(
        [done = std::move(done), result = std::move(result), waiting = waiting]() mutable {
          waiting->fetch_sub(1);
          done(std::move(result));
        });
  }
  io::Loop& reply_to;
  UniqueFunction<void(Answer)> done;
  Waiting waiting;
};

}  // namespace

struct Catalog::Impl {
  Impl(io::Host& host, std::unique_ptr<store::ConfigStore> store, std::unique_ptr<SecretBox> box,
       CatalogOptions options)
      : changes_max(options.limits.changes_max),
        writer(host, std::move(store), std::move(box), std::move(options)) {}

  // Runs `make` on the worker; answers at once when it changed nothing.
  template <typename Answer, typename Make>
  void change(io::Loop& reply_to, UniqueFunction<void(Answer)> done, Make make) {
    auto asked = std::make_shared<Asked<Answer>>(reply_to, std::move(done), waiting);
    if (waiting->fetch_add(1) >= changes_max) return asked->answer(overloaded());
    const bool queued = worker->post([this, asked, make = std::move(make)]() mutable {
      const SnapshotRef before = writer.newest();
      Answer result = make(writer);
      if (writer.newest() == before) return asked->answer(std::move(result));
      publisher.publish(writer.newest(), [asked, result = std::move(result)]() mutable {
        asked->answer(std::move(result));
      });
    });
    if (!queued) asked->answer(overloaded());
  }

  Error overloaded() const {
    return error(Errc::kOverloaded,
                 fmt::format("{} configuration changes are waiting; try again", changes_max));
  }

  const size_t changes_max;
  const Waiting waiting = std::make_shared<std::atomic<size_t>>(0);
  Writer writer;  // worker thread only, once it runs
  Publisher publisher;
  std::unique_ptr<io::Worker> worker;  // last: it ends before what it uses
};

Catalog::Catalog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Catalog::~Catalog() = default;

Result<std::unique_ptr<Catalog>> Catalog::open(io::Host& host,
                                               std::unique_ptr<store::ConfigStore> store,
                                               std::unique_ptr<SecretBox> box,
                                               CatalogOptions options) {
  auto impl = std::make_unique<Impl>(host, std::move(store), std::move(box), std::move(options));
  PH_TRY(impl->writer.load().context("reading the configuration"));
  impl->publisher.publish(impl->writer.newest(), nullptr);
  impl->worker = host.make_worker("catalog", impl->changes_max);
  return std::unique_ptr<Catalog>(new Catalog(std::move(impl)));
}

SnapshotRef Catalog::snapshot() const { return impl_->publisher.current(); }

void Catalog::attach(io::Loop& loop, Receive receive) {
  impl_->publisher.attach(loop, std::move(receive));
}

void Catalog::create_application(const OrganizationId& organization, ApplicationSpec spec,
                                 io::Loop& reply_to, AppCreated done) {
  impl_->change<Result<Created<AppRef>>>(
      reply_to, std::move(done), [organization, spec = std::move(spec)](Writer& writer) mutable {
        return writer.create_application(organization, std::move(spec));
      });
}

void Catalog::create_endpoint(const AppId& app, EndpointSpec spec, io::Loop& reply_to,
                              EndpointCreated done) {
  impl_->change<Result<EndpointRef>>(reply_to, std::move(done),
                                     [app, spec = std::move(spec)](Writer& writer) mutable {
                                       return writer.create_endpoint(app, std::move(spec));
                                     });
}

void Catalog::set_endpoint_disabled(const EndpointId& endpoint, bool disabled, io::Loop& reply_to,
                                    Changed done) {
  impl_->change<Status>(reply_to, std::move(done), [endpoint, disabled](Writer& writer) {
    return writer.set_endpoint_disabled(endpoint, disabled);
  });
}

void Catalog::delete_endpoint(const EndpointId& endpoint, io::Loop& reply_to, Changed done) {
  impl_->change<Status>(reply_to, std::move(done),
                        [endpoint](Writer& writer) { return writer.delete_endpoint(endpoint); });
}

}  // namespace posthorn::catalog
