// What only the real machine does: locks between processes, descriptors that run out, signals.
#include "io/linux/host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/linux/addresses.h"
#include "io/linux/limits.h"
#include "io/linux/signals.h"
#include "io/net.h"
#include "io/testing/forms.h"

namespace posthorn::io {
namespace {

TEST(LinuxDisk, ALockOfAnotherProcessNamesIt) {
  const auto form = make_linux_form();
  const std::string path = form->directory() + "/lock";
  int held[2];
  ASSERT_EQ(::pipe(held), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto host = make_linux_host();
    const auto lock = host->disk().lock(path);
    const char told = lock.ok() ? 'y' : 'n';
    if (::write(held[1], &told, 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  char told = 0;
  ASSERT_EQ(::read(held[0], &told, 1), 1);
  EXPECT_EQ(told, 'y');
  const auto refused = form->host().disk().lock(path);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::kConflict);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("process " + std::to_string(child)));
  // However the holder ends, the lock is free.
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(form->host().disk().lock(path).ok());
  ::close(held[0]);
  ::close(held[1]);
}

TEST(LinuxEntropy, GivesDifferentBytes) {
  const auto host = make_linux_host();
  EXPECT_NE(host->entropy().word(), host->entropy().word());
}

TEST(LinuxAddresses, NamesThoseOfTheLoopbackInterfaceToo) {
  const auto addresses = own_addresses();
  ASSERT_TRUE(addresses.ok());
  EXPECT_NE(std::find(addresses->begin(), addresses->end(), IpAddress::v4(127, 0, 0, 1)),
            addresses->end());
}

TEST(LinuxLimits, RaisesTheLimitToWhatIsAllowed) {
  const auto files = raise_open_files();
  ASSERT_TRUE(files.ok());
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(files.value(), limit.rlim_max);
  EXPECT_LT(socket_descriptor_limit(), files.value());
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto in_seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime);
}

// Lowers the limit of open files for one test.
class FewDescriptors {
 public:
  FewDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit few = before_;
    few.rlim_cur = 64;
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

// Connects 20 times from a process of its own and waits until one of them hears something.
int be_outside(const SocketAddress& to) {
  for (int fd = 3; fd < 64; ++fd) ::close(fd);
  const auto outside = make_linux_form();
  bool heard = false;
  std::array<char, 20> bytes;
  std::vector<std::unique_ptr<Connecting>> dialing;
  std::vector<std::unique_ptr<Stream>> streams;
  dialing.reserve(bytes.size());
  for (char& byte : bytes) {
    dialing.push_back(outside->loop().net().connect(to, {}, [&](auto made) {
      if (!made.ok()) ::_exit(1);
      streams.push_back(std::move(made).value());
      streams.back()->read({&byte, 1},
                           [&](const Result<size_t>& got) { heard = heard || got.ok(); });
    }));
  }
  return outside->run_until([&] { return heard; }) ? 0 : 2;
}

TEST(LinuxNet, LeavesDescriptorsForFilesAndGoesOnWhenSomeAreFree) {
  const FewDescriptors few;
  const auto form = make_linux_form();
  Net& net = form->loop().net();
  std::vector<std::unique_ptr<Stream>> accepted, connected;
  auto listener = net.listen({IpAddress::v4(127, 0, 0, 1), 0}, {},
                             [&](auto stream) { accepted.push_back(std::move(stream)); });
  ASSERT_TRUE(listener.ok());
  const SocketAddress to = listener.value()->address();
  std::optional<Errc> refused;
  std::unique_ptr<Connecting> connecting;
  const std::function<void()> connect_all = [&] {
    connecting = net.connect(to, {}, [&](auto stream) {
      if (!stream.ok()) {
        refused = stream.error().code;
        return;
      }
      connected.push_back(std::move(stream).value());
      connect_all();
    });
  };
  connect_all();
  ASSERT_TRUE(form->run_until([&] { return refused.has_value(); }));
  EXPECT_EQ(*refused, Errc::kOverloaded);
  EXPECT_GE(connected.size(), 10u);
  EXPECT_TRUE(form->host().disk().replace_file(form->directory() + "/x", "x").ok());

  // More come from outside than the reserve has; they must wait in the backlog without eating it
  // up or keeping a core busy.
  const pid_t child = ::fork();
  if (child == 0) ::_exit(be_outside(to));
  const size_t before = accepted.size();
  const double cpu = cpu_seconds();
  form->run_until([] { return false; }, milliseconds{400});
  EXPECT_LT(cpu_seconds() - cpu, 0.2);
  EXPECT_LE(accepted.size(), before + 1);
  EXPECT_TRUE(form->host().disk().replace_file(form->directory() + "/y", "y").ok());

  for (size_t i = 0; i < 8; ++i) connected.pop_back();
  accepted.erase(accepted.begin(), accepted.begin() + 8);
  ASSERT_TRUE(form->run_until([&] { return accepted.size() + 8 > before; }));
  for (auto& stream : accepted) (void)stream->write(std::array<ByteView, 1>{"x"}, nullptr);
  int status = -1;
  ASSERT_TRUE(form->run_until([&] { return ::waitpid(child, &status, WNOHANG) == child; }));
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

// In a process of its own: the signal mask stays.
TEST(StopSignalsTest, ASignalIsACallOnTheLoop) {
  EXPECT_EXIT(
      {
        StopSignals signals;
        const auto form = make_linux_form();
        int stopped = 0;
        ::kill(::getpid(), SIGTERM);
        signals.watch([&] { form->loop().post_remote([&] { ++stopped; }); });
        form->run_until([&] { return stopped == 1; });
        ::kill(::getpid(), SIGINT);
        form->run_until([&] { return stopped == 2; });
        ::signal(SIGPIPE, SIG_IGN) == SIG_IGN ? ::_exit(stopped) : ::_exit(99);
      },
      testing::ExitedWithCode(2), "");
}

}  // namespace
}  // namespace posthorn::io
