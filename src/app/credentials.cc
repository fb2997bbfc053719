// Reading and making the token secret.
#include "app/credentials.h"

#include <array>

#include "wire/base64.h"

namespace posthorn::app {
namespace {

constexpr size_t kSecretBytes = 32;
constexpr uint64_t kFileBytesMax = 4096;

std::string secret_path(const Config& config) { return config.store_data_dir + "/jwt_secret"; }

}  // namespace

Result<std::string> read_jwt_secret(io::Host& host, const Config& config) {
  if (!config.auth_jwt_secret.empty()) return config.auth_jwt_secret;
  const std::string path = secret_path(config);
  auto secret = host.disk().read_file(path, kFileBytesMax);
  if (!secret.ok() && secret.error().code == Errc::kNotFound) {
    return error(Errc::kNotFound, path +
                                      " is not there: name the data directory with --data-dir, "
                                      "start `posthorn serve` with it once, or set "
                                      "POSTHORN_AUTH_JWT_SECRET");
  }
  return std::move(secret).context("reading the token secret");
}

Result<std::string> ensure_jwt_secret(io::Host& host, const Config& config) {
  if (!config.auth_jwt_secret.empty() || host.disk().exists(secret_path(config))) {
    return read_jwt_secret(host, config);
  }
  std::array<uint8_t, kSecretBytes> raw{};
  host.entropy().fill(raw);
  std::string secret;
  wire::append_base64url(secret, {reinterpret_cast<const char*>(raw.data()), raw.size()});
  PH_TRY(host.disk().replace_file(secret_path(config), secret).context("keeping the token secret"));
  PH_TRY(host.disk().set_mode(secret_path(config), 0600));
  return secret;
}

}  // namespace posthorn::app
