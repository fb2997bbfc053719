// `posthorn key rotate`: a new root key for the secrets at rest, and every secret sealed again
// under it. Works on a store that nobody else has open.
#pragma once
#include "base/result.h"
#include "catalog/secret_box.h"
#include "store/config_store.h"

namespace posthorn::catalog {

struct RotationOptions {
  size_t batch = 256;       // secrets sealed again in one transaction
  bool remove_old = false;  // remove the old key files at the end
};

struct RotationReport {
  uint32_t key_version = 0;  // the current key, under which every secret is sealed now
  uint64_t sealed = 0;       // secrets sealed again by this call
  bool resumed = false;      // finished an earlier rotation instead of beginning a new one
};

// May be stopped at any point: old keys stay until everything is sealed under the new one, and
// the next call goes on where this one was. An unfinished rotation is finished first, without yet
// another key. Errors are those of the box and the store; a secret that does not open stops it.
Result<RotationReport> rotate_keys(store::ConfigStore& store, SecretBox& box,
                                   const RotationOptions& options);

}  // namespace posthorn::catalog
