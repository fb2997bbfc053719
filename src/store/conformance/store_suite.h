// What every engine promises, as tests. An engine instantiates the suite with its name, and the
// persistent one too when it remembers what it was told after being opened again.
#pragma once
#include <gtest/gtest.h>

#include <memory>

#include "store/conformance/store_driver.h"

namespace posthorn::store {

struct EngineUnderTest {
  std::string name;
};
// Made here so that the program that names an engine also links every file of the suite.
EngineUnderTest engine_under_test(std::string name);
void link_crash_suite();
void link_property_suite();

class StoreSuite : public ::testing::TestWithParam<EngineUnderTest> {
 protected:
  StoreSuite();
  void SetUp() override;

  io::sim::World world_{20261122};
  StoreDriver driver_;
};

// For engines that remember.
class PersistentStoreSuite : public StoreSuite {};

}  // namespace posthorn::store
