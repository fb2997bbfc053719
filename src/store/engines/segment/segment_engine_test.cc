// The segment engine in the conformance suite.
#include "store/conformance/retention_suite.h"

namespace posthorn::store {

INSTANTIATE_TEST_SUITE_P(Segment, StoreSuite, ::testing::Values(engine_under_test("segment")));
INSTANTIATE_TEST_SUITE_P(Segment, PersistentStoreSuite,
                         ::testing::Values(engine_under_test("segment")));
INSTANTIATE_TEST_SUITE_P(Segment, RetentionSuite,
                         ::testing::Values(retention_under_test("segment")));

}  // namespace posthorn::store
