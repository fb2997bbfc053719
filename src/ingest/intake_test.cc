// The steps of an accept against a log that can be told to refuse, to know duplicates, and to end
// unknown.
#include "ingest/intake.h"

#include <gtest/gtest.h>

#include "ingest/testing/fakes.h"

namespace posthorn::ingest {
namespace {

using store::Verdict;
using testing::FakeLog;
using testing::FakeLoop;
using testing::FakeWorker;

class IntakeTest : public ::testing::Test {
 protected:
  IntakeTest() {
    auto state = std::make_shared<catalog::AppState>();
    state->app.id.bytes.raw[19] = 1;
    app_ = state;
    auto first = std::make_shared<catalog::Snapshot>();
    first->version = 3;
    first->apps = first->apps.with(app_->app.id, app_);
    snapshot_ = first;
    intake_ = std::make_unique<Intake>(
        IntakeDeps{loop_, log_, reader_, [this] { return snapshot_; },
                   [this](const catalog::AppRef& to, const model::Message&) {
                     ++matched_;
                     EXPECT_EQ(to, snapshot_->app(app_->app.id));
                     return std::make_shared<const model::TargetSet>(std::vector<EndpointId>{});
                   }});
  }

  static std::shared_ptr<model::Message> draft(uint8_t key, uint8_t event = 0) {
    auto message = std::make_shared<model::Message>();
    message->idempotency.bytes[0] = key;
    message->event_id_key.bytes[1] = event;
    message->body_hash[0] = 1;
    return message;
  }
  // Runs everything that waits and answers what came of it.
  std::vector<Accepted> accept(Drafts drafts) {
    std::optional<Result<std::vector<Accepted>>> answer;
    intake_->accept(app_, std::move(drafts),
                    [&](auto result) { answer.emplace(std::move(result)); });
    for (int i = 0; i < 10; ++i) reader_.run(), loop_.run_posted();
    EXPECT_TRUE(answer.has_value());
    EXPECT_EQ(intake_->pending(), 0u);
    if (!answer->ok()) {
      failure_ = answer->error();
      return {};
    }
    return std::move(*answer).value();
  }

  FakeLoop loop_;
  FakeWorker reader_;
  FakeLog log_;
  catalog::AppRef app_;
  catalog::SnapshotRef snapshot_;
  std::unique_ptr<Intake> intake_;
  int matched_ = 0;
  Error failure_;
};

TEST_F(IntakeTest, AnswersOnlyAfterTheCommit) {
  bool answered = false;
  intake_->accept(app_, {draft(0)}, [&](auto result) { answered = result.ok(); });
  EXPECT_EQ(log_.appended.size(), 1u);
  EXPECT_FALSE(answered);
  EXPECT_EQ(intake_->pending(), 1u);
  loop_.run_posted();
  EXPECT_TRUE(answered);
  EXPECT_EQ(log_.appended[0]->config_version, 3u);
  EXPECT_NE(log_.appended[0]->targets, nullptr);
  EXPECT_EQ(log_.lookups, 0);
}

TEST_F(IntakeTest, ADrainEndsBehindTheLastAnswer) {
  bool answered = false;
  bool idle = false;
  intake_->accept(app_, {draft(0)}, [&](auto) { answered = !idle; });
  intake_->drain([&] { idle = true; });
  EXPECT_FALSE(idle);
  loop_.run_posted();
  EXPECT_TRUE(answered);
  EXPECT_TRUE(idle);
  idle = false;
  intake_->drain([&] { idle = true; });
  EXPECT_TRUE(idle);
}

TEST_F(IntakeTest, AppendsAllDraftsAsOneBatchInOrder) {
  const auto results = accept({draft(0), draft(0), draft(0)});
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(log_.batches, 1);
  EXPECT_EQ(matched_, 3);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(results[i].verdict, Verdict::kCommitted);
    EXPECT_EQ(results[i].message->seq, Seq{i + 1});
  }
}

TEST_F(IntakeTest, AsksTheDiskOnlyWhenMemoryCannotTell) {
  accept({draft(1, 1)});
  EXPECT_EQ(log_.lookups, 0);
  log_.maybe_stored = {1};
  accept({draft(2)});
  EXPECT_EQ(log_.lookups, 0);
  const auto results = accept({draft(1)});
  EXPECT_EQ(log_.lookups, 1);
  EXPECT_EQ(results[0].verdict, Verdict::kCommitted);
}

TEST_F(IntakeTest, AnswersARepeatWithTheFirstMessage) {
  const auto first = accept({draft(1)});
  log_.maybe_stored = {1};
  log_.stored[1] = first[0].message;
  auto other = draft(1);
  other->body_hash[0] = 2;
  const auto results = accept({draft(1), other, draft(0)});
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0].verdict, Verdict::kDuplicateKey);
  EXPECT_EQ(results[0].message, first[0].message);
  EXPECT_TRUE(results[0].same_body);
  EXPECT_FALSE(results[1].same_body);
  EXPECT_EQ(results[2].verdict, Verdict::kCommitted);
  EXPECT_EQ(log_.appended.size(), 2u);
}

TEST_F(IntakeTest, AppendsNothingWhenAllAreRepeats) {
  const auto first = accept({draft(1)});
  log_.maybe_stored = {1};
  log_.stored[1] = first[0].message;
  accept({draft(1)});
  EXPECT_EQ(log_.batches, 1);
}

TEST_F(IntakeTest, ReadsTheFirstMessageWhenTheCommitterFindsTheRepeat) {
  const auto first = accept({draft(1)});
  log_.recent[1] = first[0].message->seq;
  const auto results = accept({draft(0), draft(1)});
  EXPECT_EQ(results[0].verdict, Verdict::kCommitted);
  EXPECT_EQ(results[0].message->seq, Seq{2});
  EXPECT_EQ(results[1].verdict, Verdict::kDuplicateKey);
  EXPECT_EQ(results[1].message, first[0].message);
}

TEST_F(IntakeTest, TellsARepeatedEventIdFromARepeatedRequest) {
  const auto first = accept({draft(1, 9)});
  log_.maybe_stored = {1, 9};
  log_.stored[1] = first[0].message;
  log_.stored[9] = first[0].message;
  const auto results = accept({draft(1, 9), draft(0, 9)});
  EXPECT_EQ(results[0].verdict, Verdict::kDuplicateKey);
  EXPECT_EQ(results[1].verdict, Verdict::kDuplicateEventId);
  EXPECT_EQ(results[1].message, nullptr);
}

TEST_F(IntakeTest, PassesRefusalsOn) {
  for (const Errc code : {Errc::kOverloaded, Errc::kNoSpace, Errc::kUnavailable}) {
    log_.refuse = code;
    accept({draft(0)});
    EXPECT_EQ(failure_.code, code);
  }
  log_.refuse.reset();
  log_.outcome = Errc::kUnknownOutcome;
  accept({draft(0)});
  EXPECT_EQ(failure_.code, Errc::kUnknownOutcome);
}

TEST_F(IntakeTest, RefusesWhenTooManyLookupsWait) {
  log_.maybe_stored = {1};
  reader_.full = true;
  accept({draft(1)});
  EXPECT_EQ(failure_.code, Errc::kOverloaded);
  EXPECT_TRUE(log_.appended.empty());
}

TEST_F(IntakeTest, MatchesAgainstTheConfigurationOfTheAppend) {
  log_.maybe_stored = {1};
  bool answered = false;
  intake_->accept(app_, {draft(1)}, [&](auto result) { answered = result.ok(); });
  auto changed = std::make_shared<catalog::Snapshot>(*snapshot_);
  changed->version = 4;
  changed->apps = changed->apps.with(app_->app.id, std::make_shared<catalog::AppState>(*app_));
  snapshot_ = changed;
  for (int i = 0; i < 3; ++i) reader_.run(), loop_.run_posted();
  EXPECT_TRUE(answered);
  ASSERT_EQ(log_.appended.size(), 1u);
  EXPECT_EQ(log_.appended[0]->config_version, 4u);
}

TEST_F(IntakeTest, RefusesWhenTheApplicationWentAwayMeanwhile) {
  log_.maybe_stored = {1};
  Error gone;
  intake_->accept(app_, {draft(1)}, [&](auto result) { gone = std::move(result).error(); });
  auto changed = std::make_shared<catalog::Snapshot>(*snapshot_);
  changed->apps = changed->apps.without(app_->app.id);
  snapshot_ = changed;
  for (int i = 0; i < 3; ++i) reader_.run(), loop_.run_posted();
  EXPECT_EQ(gone.code, Errc::kNotFound);
  EXPECT_TRUE(log_.appended.empty());
}

TEST_F(IntakeTest, DropsAnswersThatComeAfterItsEnd) {
  bool answered = false;
  intake_->accept(app_, {draft(0)}, [&](auto) { answered = true; });
  intake_.reset();
  loop_.run_posted();
  EXPECT_FALSE(answered);
}

}  // namespace
}  // namespace posthorn::ingest
