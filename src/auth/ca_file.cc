#include "auth/ca_file.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <memory>

#include "base/files.h"

namespace stateward {
namespace {

constexpr size_t kMaxBytes = size_t{4} << 20;

Status Wrong(const std::string& path, const char* what) {
  return Status::InvalidArgument(path + " " + what);
}

}  // namespace

Status CheckCaFile(const std::string& path) {
  // Not to wait for a writer, should it be a pipe.
  Result<Fd> file = OpenFileAt(PosixDisk(), AT_FDCWD, path, O_RDONLY | O_NONBLOCK);
  if (!file.ok())
    return Status::InvalidArgument(path + " cannot be read: " + file.status().detail());
  struct stat st {};
  if (fstat(file->get(), &st) != 0 || !S_ISREG(st.st_mode)) return Wrong(path, "is no file");
  Result<Bytes> text = ReadUpTo(PosixDisk(), file->get(), kMaxBytes + 1);
  if (!text.ok())
    return Status::InvalidArgument(path + " cannot be read: " + text.status().detail());
  if (text->size() > kMaxBytes) return Wrong(path, "is larger than 4 MiB");
  std::unique_ptr<BIO, decltype(&BIO_free)> in(
      BIO_new_mem_buf(text->data(), static_cast<int>(text->size())), BIO_free);
  if (!in) return Wrong(path, "cannot be read: no memory");
  int found = 0;
  for (;; ++found) {
    std::unique_ptr<X509, decltype(&X509_free)> one(
        PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr), X509_free);
    if (!one) break;
  }
  bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!at_end) return Wrong(path, "holds a certificate that is damaged");
  return found > 0 ? Status() : Wrong(path, "holds no certificate in PEM");
}

}  // namespace stateward
