// What every engine for configuration must do, as named cases. An engine's test opens itself
// through ConfigStoreUnderTest and runs them all (see config_memory_test.cc).
#pragma once
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "base/rng.h"
#include "store/config_store.h"

namespace posthorn::store {

class ConfigStoreUnderTest {
 public:
  virtual ~ConfigStoreUnderTest() = default;
  // The store of this case; empty the first time. The one before is gone by then.
  virtual std::unique_ptr<ConfigStore> open() = 0;
  // Whether a store that is opened again has what it had.
  virtual bool keeps() const = 0;
};

struct ConfigStoreCase {
  std::string name;
  std::function<void(ConfigStoreUnderTest&)> run;
};
inline void PrintTo(const ConfigStoreCase& one, std::ostream* out) { *out << one.name; }

const std::vector<ConfigStoreCase>& config_store_cases();

// All rows in a fixed order as text, to compare two stores and to read a difference.
std::string describe(const ConfigRows& rows);

// Random changes, most of them valid, over few ids and uids so that they collide.
class ConfigChangeMaker {
 public:
  explicit ConfigChangeMaker(uint64_t seed) : rng_(seed) {}
  std::vector<ConfigChange> next();

 private:
  ConfigChange one();
  Rng rng_;
};

}  // namespace posthorn::store
