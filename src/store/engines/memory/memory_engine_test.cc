// The memory engine in the conformance suite.
#include "store/conformance/store_suite.h"

namespace posthorn::store {

INSTANTIATE_TEST_SUITE_P(Memory, StoreSuite, ::testing::Values(engine_under_test("memory")));

}  // namespace posthorn::store
