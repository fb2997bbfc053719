#include "app/config.h"

#include <gtest/gtest.h>

#include <set>

namespace posthorn::app {
namespace {

TEST(Config, EveryKeyHasASafeDefaultThatItAcceptsBack) {
  const Config defaults;
  for (const ConfigKey& key : config_keys()) {
    Config other;
    const std::string shown = key.show(defaults);
    EXPECT_TRUE(key.parse(other, shown).ok()) << key.name << " = " << shown;
    EXPECT_EQ(key.show(other), shown);
  }
}

TEST(Config, FlagBeatsEnvironmentBeatsFileBeatsDefault) {
  ConfigSources sources;
  sources.file_text = "[server]\nlisten = \"127.0.0.1:1\"\nshards = 2\n[log]\nlevel = 'warn'\n";
  sources.environment = {
      {"POSTHORN_SERVER_LISTEN", "127.0.0.1:2"}, {"HOME", "/"}, {"POSTHORN_SERVER_SHARDS", "3"}};
  sources.flags = {{"server.listen", "127.0.0.1:3"}};
  const Config config = load_config(sources).value();
  EXPECT_EQ(config.server_listen.port, 3);
  EXPECT_EQ(config.server_shards, 3u);
  EXPECT_EQ(config.log_level, LogLevel::kWarn);
}

TEST(Config, UnknownKeysAndBadValuesNameTheKeyAndItsSource) {
  ConfigSources file;
  file.file_text = "[server]\nlisten_on = 'x'\n";
  EXPECT_NE(load_config(file).error().message.find("server.listen_on"), std::string::npos);
  ConfigSources value;
  value.environment = {{"POSTHORN_DELIVERY_RETRY_SCHEDULE", "5,-1"}};
  const std::string message = load_config(value).error().message;
  EXPECT_NE(message.find("delivery.retry_schedule"), std::string::npos);
  EXPECT_NE(message.find("seconds"), std::string::npos);
  ConfigSources broken;
  broken.file_text = "[server\n";
  broken.file_name = "/etc/posthorn.toml";
  EXPECT_EQ(load_config(broken).error().message.find("/etc/posthorn.toml: line 1"), 0u);
}

TEST(Config, UnknownVariablesAreWarnedOfWithTheNearestKey) {
  ConfigSources sources;
  sources.environment = {{"POSTHORN_SERVER_LISTN", "secret"},
                         {"POSTHORN_SERVER_SHARDS", "3"},
                         {"POSTHORN_SERVICE_HOST", "10.0.0.1"},  // set by Kubernetes
                         {"POSTHORN_PORT", "tcp://10.0.0.1:8071"},
                         {"HOME", "/"}};
  EXPECT_EQ(load_config(sources).value().server_shards, 3u);
  const std::vector<std::string> warnings = unknown_variables(sources);
  ASSERT_EQ(warnings.size(), 3u);
  EXPECT_NE(warnings[1].find("POSTHORN_SERVER_LISTN "), std::string::npos) << warnings[1];
  EXPECT_NE(warnings[1].find("nearest is POSTHORN_SERVER_LISTEN"), std::string::npos);
  EXPECT_EQ(warnings[1].find("secret"), std::string::npos);
  EXPECT_NE(warnings[2].find("POSTHORN_SERVICE_HOST "), std::string::npos) << warnings[2];
}

TEST(Config, ListsComeFromArraysAndCommas) {
  ConfigSources sources;
  sources.file_text =
      "[delivery]\nallow_targets = ['127.0.0.0/8', '::1']\nretry_schedule = [0.5, 1, 2]\n";
  const Config config = load_config(sources).value();
  EXPECT_EQ(config.delivery_allow_targets.size(), 2u);
  ASSERT_EQ(config.delivery_retry_schedule.size(), 3u);
  EXPECT_EQ(config.delivery_retry_schedule[0].count(), 500'000);
  EXPECT_TRUE(load_config({.file_text = "[delivery]\nretry_schedule = ''\n"})
                  .value()
                  .delivery_retry_schedule.empty());
}

TEST(Config, LimitsHoldAtTheLimitAndOnePast) {
  const auto timeout = [](const char* value) {
    return load_config({.environment = {{"POSTHORN_DELIVERY_REQUEST_TIMEOUT_MS", value}}}).ok();
  };
  EXPECT_TRUE(timeout("60000"));
  EXPECT_FALSE(timeout("60001"));
  EXPECT_TRUE(timeout("100"));
  EXPECT_FALSE(timeout("99"));
  EXPECT_FALSE(timeout("1e3"));
  const auto payload = [](const char* value) {
    return load_config({.environment = {{"POSTHORN_SERVER_PAYLOAD_BYTES_MAX", value}}}).ok();
  };
  EXPECT_TRUE(payload("16777216"));
  EXPECT_FALSE(payload("16777217"));  // no commit would hold it
}

TEST(Config, EnvironmentNamesAreUnique) {
  std::set<std::string> names;
  for (const ConfigKey& key : config_keys()) {
    EXPECT_TRUE(names.insert(key.environment_name()).second) << key.name;
  }
  EXPECT_TRUE(names.contains("POSTHORN_DELIVERY_REQUEST_TIMEOUT_MS"));
}

}  // namespace
}  // namespace posthorn::app
