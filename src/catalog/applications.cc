// Changes of applications.
#include <fmt/format.h>

#include "catalog/internal/writer.h"
#include "catalog/rules.h"

namespace posthorn::catalog {

Result<Created<AppRef>> Writer::create_application(const OrganizationId& organization,
                                                   ApplicationSpec spec) {
  PH_TRY(check_application(spec, options_));
  if (newest_->organizations.find(organization) == nullptr) {
    return error(Errc::kNotFound, fmt::format("there is no organization {}", organization.text()));
  }
  if (!spec.uid.empty()) {
    if (const AppId* taken = newest_->app_uids.find(AppUidView{organization, spec.uid})) {
      if (spec.get_if_exists) return Created<AppRef>{newest_->app(*taken), true};
      return error(Errc::kConflict,
                   "uid: another application has it; use another one, or ask with "
                   "get_if_exists");
    }
  }
  auto state = std::make_shared<AppState>();
  model::Application& app = state->app;
  app.created_at = app.updated_at = now();
  app.id = AppId{ids_.next(app.created_at)};
  app.organization = organization;
  app.uid = std::move(spec.uid);
  app.name = std::move(spec.name);
  app.throttle_rate = spec.throttle_rate;
  app.metadata = std::move(spec.metadata);

  Snapshot next = *newest_;
  next.apps = next.apps.with(app.id, state);
  if (!app.uid.empty()) {
    next.app_uids = next.app_uids.with(AppUid{organization, app.uid}, app.id);
  }
  PH_TRY(commit({store::PutApplication{app}}, std::move(next)));
  return Created<AppRef>{state, false};
}

}  // namespace posthorn::catalog
