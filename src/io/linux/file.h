// One open file of the machine.
#pragma once
#include <string>

#include "io/disk.h"
#include "io/linux/descriptor.h"

namespace posthorn::io {

class LinuxFile final : public File {
 public:
  LinuxFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Result<size_t> read(uint64_t offset, std::span<char> into) override;
  Status write(uint64_t offset, std::span<const ByteView> parts) override;
  Status sync() override;
  Result<uint64_t> size() override;
  Status truncate(uint64_t size) override;
  Status allocate(uint64_t size) override;
  Status zero(uint64_t offset, uint64_t length) override;
  Status punch(uint64_t offset, uint64_t length) override;

 private:
  uint64_t zero_directly(uint64_t offset, uint64_t end);

  const Descriptor fd_;
  const std::string path_;  // for messages
};

}  // namespace posthorn::io
