// The memory engine in the conformance suite.
#include "store/conformance/retention_suite.h"

namespace posthorn::store {

INSTANTIATE_TEST_SUITE_P(Memory, StoreSuite, ::testing::Values(engine_under_test("memory")));
INSTANTIATE_TEST_SUITE_P(Memory, RetentionSuite, ::testing::Values(retention_under_test("memory")));

}  // namespace posthorn::store
