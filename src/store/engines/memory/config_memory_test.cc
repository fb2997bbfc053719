#include "store/engines/memory/config_memory.h"

#include <gtest/gtest.h>

#include "store/conformance/config_store_suite.h"

namespace posthorn::store {
namespace {

class MemoryUnderTest final : public ConfigStoreUnderTest {
 public:
  std::unique_ptr<ConfigStore> open() override { return make_memory_config_store(); }
  bool keeps() const override { return false; }
};

class MemoryConfigStoreSuite : public testing::TestWithParam<ConfigStoreCase> {};

TEST_P(MemoryConfigStoreSuite, Conforms) {
  MemoryUnderTest under;
  GetParam().run(under);
}

INSTANTIATE_TEST_SUITE_P(Suite, MemoryConfigStoreSuite, testing::ValuesIn(config_store_cases()),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace posthorn::store
