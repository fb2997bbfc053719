// The loop of a key rotation; everything it must remember is in the key files and the rows.
#include "catalog/key_rotation.h"

#include <sodium.h>

namespace posthorn::catalog {
namespace {

Status seal_again(store::ConfigStore& store, SecretBox& box, std::vector<store::SecretRow> rows) {
  std::vector<store::ConfigChange> changes;
  for (store::SecretRow& row : rows) {
    PH_ASSIGN(std::string plain, box.open(row));
    box.seal(row, plain);
    sodium_memzero(plain.data(), plain.size());
    changes.emplace_back(store::PutSecret{std::move(row)});
  }
  PH_TRY(store.apply(changes));
  return {};
}

}  // namespace

Result<RotationReport> rotate_keys(store::ConfigStore& store, SecretBox& box,
                                   const RotationOptions& options) {
  CHECK(options.batch > 0);
  RotationReport report;
  PH_ASSIGN(auto rows, store.secrets_not_at(box.current_version(), options.batch));
  report.resumed = !rows.empty();
  if (!report.resumed) {
    PH_TRY(box.add_key());
    PH_ASSIGN(rows, store.secrets_not_at(box.current_version(), options.batch));
  }
  report.key_version = box.current_version();
  while (!rows.empty()) {
    report.sealed += rows.size();
    PH_TRY(seal_again(store, box, std::move(rows)));
    PH_ASSIGN(rows, store.secrets_not_at(box.current_version(), options.batch));
  }
  if (options.remove_old) PH_TRY(box.remove_old_keys());
  return report;
}

}  // namespace posthorn::catalog
