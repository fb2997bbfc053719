#include "store/engines/sqlite/config_sqlite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "io/linux/host.h"
#include "store/conformance/config_store_suite.h"
#include "store/engines/sqlite/database.h"
#include "store/engines/sqlite/schema.h"

namespace posthorn::store {
namespace {

using sqlite::Database;
using testing::HasSubstr;

// A folder on the real disk, gone afterwards.
class Folder {
 public:
  Folder() {
    std::string pattern = testing::TempDir() + "posthorn-config-XXXXXX";
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file() const { return path_ + "/config.db"; }

 private:
  std::string path_;
};

class SqliteUnderTest final : public ConfigStoreUnderTest {
 public:
  std::unique_ptr<ConfigStore> open() override {
    auto store = open_config_store(*host_, "sqlite", folder_.file());
    CHECK(store.ok(), "{}", store.error().message);
    return std::move(store).value();
  }
  bool keeps() const override { return true; }

 private:
  std::unique_ptr<io::Host> host_ = io::make_linux_host();
  Folder folder_;
};

class SqliteConfigStoreSuite : public testing::TestWithParam<ConfigStoreCase> {};

TEST_P(SqliteConfigStoreSuite, Conforms) {
  SqliteUnderTest under;
  GetParam().run(under);
}

INSTANTIATE_TEST_SUITE_P(Suite, SqliteConfigStoreSuite, testing::ValuesIn(config_store_cases()),
                         [](const auto& one) { return one.param.name; });

class SqliteConfigStore : public testing::Test {
 protected:
  // Runs `sql` on the file with nothing of ours in between.
  void execute(const std::string& sql) {
    auto database = Database::open(*host_, folder_.file());
    ASSERT_TRUE(database.ok());
    const Status done = database.value()->execute(sql);
    ASSERT_TRUE(done.ok()) << done.error().message;
  }
  Error refusal() {
    auto opened = open_sqlite_config_store(*host_, folder_.file());
    EXPECT_FALSE(opened.ok());
    return opened.ok() ? Error{} : std::move(opened).error();
  }

  const std::unique_ptr<io::Host> host_ = io::make_linux_host();
  const Folder folder_;
};

TEST_F(SqliteConfigStore, RefusesAFileOfANewerVersion) {
  ASSERT_TRUE(open_sqlite_config_store(*host_, folder_.file()).ok());
  execute(fmt::format("INSERT INTO schema_version (version) VALUES ({})",
                      sqlite::schema_steps().size() + 1));
  EXPECT_EQ(refusal().code, Errc::kUnsupported);
}

TEST_F(SqliteConfigStore, RefusesADatabaseOfSomebodyElse) {
  execute("CREATE TABLE recipe (name TEXT)");
  EXPECT_EQ(refusal().code, Errc::kCorrupt);
}

TEST_F(SqliteConfigStore, RefusesAFileThatIsNoDatabase) {
  auto file = host_->disk().open(folder_.file(), io::OpenMode::kCreate);
  ASSERT_TRUE(file.ok());
  const std::string garbage(8192, 'x');
  ASSERT_TRUE(file.value()->write(0, std::array{ByteView(garbage)}).ok());
  EXPECT_EQ(refusal().code, Errc::kCorrupt);
}

TEST_F(SqliteConfigStore, AnswersAPathThatCannotBeOpened) {
  auto opened = open_config_store(*host_, "sqlite", folder_.file() + "/not/there.db");
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, Errc::kIo);
  EXPECT_THAT(opened.error().message, HasSubstr("not/there.db"));
}

TEST_F(SqliteConfigStore, RefusesAnEngineItDoesNotKnow) {
  EXPECT_EQ(open_config_store(*host_, "postgres", "").error().code, Errc::kInvalid);
}

TEST_F(SqliteConfigStore, ReportsARowThatIsNotOurs) {
  ASSERT_TRUE(open_sqlite_config_store(*host_, folder_.file()).ok());
  execute("INSERT INTO organization (id, name, created_at, updated_at) VALUES ('no', '', 0, 0)");
  auto store = open_sqlite_config_store(*host_, folder_.file());
  ASSERT_TRUE(store.ok());
  EXPECT_EQ(store.value()->load().error().code, Errc::kCorrupt);
}

TEST_F(SqliteConfigStore, OverwritesWhatWasDeleted) {
  auto store = open_sqlite_config_store(*host_, folder_.file());
  ASSERT_TRUE(store.ok());
  const std::string canary = "canary-7f3a91";
  ASSERT_TRUE(store.value()->apply({PutSetting{{"name", canary}}}).ok());
  ASSERT_TRUE(store.value()->apply({PutSetting{{"name", ""}}}).ok());
  store = error(Errc::kInternal, "closed");
  const auto bytes = host_->disk().read_file(folder_.file(), 1 << 20);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(bytes.value().find(canary), std::string::npos);
}

}  // namespace
}  // namespace posthorn::store
