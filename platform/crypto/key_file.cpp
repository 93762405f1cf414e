#include "platform/crypto/key_file.h"

#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace latchkey::platform {
namespace {

using FilePtr = std::unique_ptr<std::FILE, decltype([](std::FILE* file) { (void)std::fclose(file); })>;

tl::unexpected<Error> SystemError(const std::string& doing) {
  return Fail(ErrorCode::kSystem, doing + ": " + std::generic_category().message(errno));
}

Result<KeyPtr> ReadKey(std::FILE* file, const std::string& path) {
  struct stat info {};
  if (::fstat(::fileno(file), &info) != 0) return SystemError("cannot look at " + path);
  if ((info.st_mode & 077U) != 0)
    return Fail(ErrorCode::kDenied, path + " is readable by others: chmod 600 it, and think who read it");
  KeyPtr key(PEM_read_PrivateKey(file, nullptr, nullptr, nullptr));
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_EC || EVP_PKEY_get_bits(key.get()) != 256)
    return Fail(ErrorCode::kCorrupt, path + " holds no P-256 key: name another file, or move it away");
  return key;
}

}  // namespace

Result<KeyPtr> LoadOrMakeKey(const std::string& path) {
  if (const FilePtr file{std::fopen(path.c_str(), "re")}) return ReadKey(file.get(), path);
  if (errno != ENOENT) return SystemError("cannot read " + path);
  KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  if (!key) return Fail(ErrorCode::kSystem, "OpenSSL can't make a P-256 key");
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return SystemError("cannot make " + path);
  const FilePtr file{::fdopen(fd, "w")};
  const bool written =
      file && PEM_write_PKCS8PrivateKey(file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1 &&
      std::fflush(file.get()) == 0 && ::fsync(fd) == 0;
  if (written) return key;
  auto error = SystemError("cannot write " + path);
  (void)::unlink(path.c_str());
  return error;
}

}  // namespace latchkey::platform
