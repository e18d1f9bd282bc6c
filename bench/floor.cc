// What the steps of a request cost by themselves: the system calls, digests, ciphers and
// compressions that docs/performance.md names for each verb, one after the other in one thread, and
// nothing else. With the libfcgi ceiling (bench/ceiling.cc) it says what no server that keeps the
// same promises can pass. The caches are warm here, and no thread waits for another one: a server
// under load has neither.
//
//   floor DIR LOG SIZE    DIR: a fresh folder; LOG: a file that the lines of the log go to;
//                         SIZE: bytes of a state
//
// Prints microseconds of CPU: the median of rounds.
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "workload.h"

namespace {

constexpr int kRounds = 15;
constexpr int kTimes = 300;
constexpr int kLevel = 1;            // src/kms: what records are compressed with
constexpr size_t kLockRecord = 900;  // bytes of a usual one
constexpr size_t kLogLine = 330;
constexpr size_t kFrontBytes = 16384;  // what a POST reads of the newest record

void Must(bool ok, const char* what) {
  if (ok) return;
  std::perror(what);
  std::exit(1);
}

double CpuUs() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

void Print(const char* what, const std::function<void()>& step) {
  std::vector<double> rounds;
  for (int r = 0; r < kRounds; ++r) {
    const double start = CpuUs();
    for (int i = 0; i < kTimes; ++i) step();
    rounds.push_back((CpuUs() - start) / kTimes);
  }
  std::sort(rounds.begin(), rounds.end());
  std::printf("%-44s %7.1f us\n", what, rounds[rounds.size() / 2]);
}

uint8_t* Raw(std::string* s) { return reinterpret_cast<uint8_t*>(s->data()); }

// The passes over a document, with contexts that are made once.
class Passes {
 public:
  explicit Passes(const std::string& document)
      : document_(document), packed_(ZSTD_compressBound(document.size()), '\0') {
    ZSTD_CCtx_setParameter(pack_, ZSTD_c_compressionLevel, kLevel);
    packed_.resize(
        ZSTD_compress2(pack_, packed_.data(), packed_.size(), document_.data(), document_.size()));
    sealed_ = packed_;
    Encrypt();
  }
  const std::string& sealed() const { return sealed_; }
  void Md5() { Digest(md5_, document_.size()); }
  void Sha256(size_t size) { Digest(sha_, std::min(size, document_.size())); }
  void Compress() {
    scratch_.resize(ZSTD_compressBound(document_.size()));
    ZSTD_compress2(pack_, scratch_.data(), scratch_.size(), document_.data(), document_.size());
  }
  void Decompress() {
    scratch_.resize(document_.size());
    ZSTD_decompressDCtx(unpack_, scratch_.data(), scratch_.size(), packed_.data(), packed_.size());
  }
  void Encrypt() {
    int n = 0;
    Must(EVP_EncryptInit_ex2(gcm_, aes_, key_, iv_, nullptr) == 1 &&
             EVP_EncryptUpdate(gcm_, Raw(&sealed_), &n, Raw(&packed_),
                               static_cast<int>(packed_.size())) == 1 &&
             EVP_EncryptFinal_ex(gcm_, Raw(&sealed_), &n) == 1,
         "encrypt");
  }
  // Its end is not checked: the tag costs one block more.
  void Decrypt() {
    int n = 0;
    opened_.resize(sealed_.size());
    Must(EVP_DecryptInit_ex2(gcm_, aes_, key_, iv_, nullptr) == 1 &&
             EVP_DecryptUpdate(gcm_, Raw(&opened_), &n, Raw(&sealed_),
                               static_cast<int>(sealed_.size())) == 1,
         "decrypt");
  }

 private:
  void Digest(const EVP_MD* md, size_t size) {
    uint8_t out[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    Must(EVP_DigestInit_ex2(digest_, md, nullptr) == 1 &&
             EVP_DigestUpdate(digest_, document_.data(), size) == 1 &&
             EVP_DigestFinal_ex(digest_, out, &n) == 1,
         "digest");
  }
  // Until the program ends.
  ZSTD_CCtx* pack_ = ZSTD_createCCtx();
  ZSTD_DCtx* unpack_ = ZSTD_createDCtx();
  EVP_CIPHER_CTX* gcm_ = EVP_CIPHER_CTX_new();
  EVP_MD_CTX* digest_ = EVP_MD_CTX_new();
  EVP_CIPHER* aes_ = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  EVP_MD* md5_ = EVP_MD_fetch(nullptr, "MD5", nullptr);
  EVP_MD* sha_ = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  const uint8_t key_[32] = {1};
  const uint8_t iv_[12] = {2};
  const std::string document_;
  std::string packed_;
  std::string sealed_;
  std::string opened_;
  std::string scratch_;
};

// The calls on files, with paths as long as the server's.
class Files {
 public:
  Files(const std::string& dir, const char* log, const std::string& sealed) : sealed_(sealed) {
    const std::string id = "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789";
    for (const char* name : {"/states", "/states/ab", "/locks", "/locks/ab"}) {
      Must(mkdir((dir + name).c_str(), 0700) == 0, "mkdir");
    }
    state_ = "states/ab/" + id;
    lock_ = "locks/ab/" + id;
    record_ = state_ + "/00000000000000000001";
    next_ = state_ + "/00000000000000000002";
    Must(mkdir((dir + "/" + state_).c_str(), 0700) == 0, "mkdir");
    root_ = open(dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    log_ = open(log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    Must(root_ >= 0 && log_ >= 0, "open");
    Make("identity", "x");
    Make(record_, sealed);
    Make(lock_, std::string(2 * 4096, 'x'));
  }
  void Identity() { fstatat(root_, "identity", &stat_, 0); }
  void Log() { Must(write(log_, line_.data(), line_.size()) > 0, "log"); }
  void ReadRecord(size_t most) {
    int fd = openat(root_, record_.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    Must(fd >= 0 && fstat(fd, &stat_) == 0, record_.c_str());
    Must(read(fd, buffer_.data(), std::min(most, buffer_.size())) > 0, "read");
    close(fd);
    fstatat(root_, next_.c_str(), &stat_, 0);
  }
  void FindHead() {
    fstatat(root_, record_.c_str(), &stat_, 0);
    fstatat(root_, next_.c_str(), &stat_, 0);
  }
  void Gates() {
    int fd = openat(root_, "gates", O_RDONLY | O_CLOEXEC);
    Must(fd < 0, "gates");
  }
  int OpenLock() {
    int fd = openat(root_, lock_.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    Must(fd >= 0 && fstat(fd, &stat_) == 0 && flock(fd, LOCK_EX) == 0, lock_.c_str());
    Must(pread(fd, buffer_.data(), 8192, 0) > 0, "pread");
    return fd;
  }
  void NoteHead(int fd) { Must(pwrite(fd, line_.data(), 8, 64) == 8, "note"); }
  void Released(int fd) { Must(pwrite(fd, line_.data(), 128, 6000) == 128, "released"); }
  void StoreLock(int fd) {
    Must(pwrite(fd, buffer_.data(), kLockRecord, 4096) == kLockRecord, "pwrite");
    Must(fdatasync(fd) == 0, "fdatasync");
    NoteHead(fd);
  }
  void Append() {
    int dir = openat(root_, state_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    Must(dir >= 0 && fd >= 0, "O_TMPFILE");
    Must(write(fd, sealed_.data(), sealed_.size()) > 0 && fsync(fd) == 0, "write");
    const std::string name = "n" + std::to_string(++appended_);
    Must(linkat(fd, "", dir, name.c_str(), AT_EMPTY_PATH) == 0, "linkat (needs root)");
    Must(fsync(dir) == 0 && fchmod(fd, 0400) == 0, "fsync");
    close(fd);
    close(dir);
  }

 private:
  void Make(const std::string& name, const std::string& bytes) {
    int fd = openat(root_, name.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    Must(fd >= 0 && write(fd, bytes.data(), bytes.size()) > 0, name.c_str());
    close(fd);
  }
  const std::string sealed_;
  const std::string line_ = std::string(kLogLine, 'l');
  std::string buffer_ = std::string(65536, '\0');
  std::string state_, lock_, record_, next_;
  int root_ = -1;
  int log_ = -1;
  uint64_t appended_ = 0;
  struct stat stat_ {};
};

void PrintSteps(Passes* p, Files* f, size_t size) {
  Print("log line", [=] { f->Log(); });
  Print("record: open, read, none follows", [=] { f->ReadRecord(kFrontBytes * 4); });
  Print("lock: open, read; write, sync, note", [=] {
    const int fd = f->OpenLock();
    f->StoreLock(fd);
    close(fd);
  });
  Print("record: make, write, sync, name, sync", [=] { f->Append(); });
  Print("MD5 of the document", [=] { p->Md5(); });
  Print("SHA-256 of the document", [=] { p->Sha256(size); });
  Print("zstd, level 1, of the document", [=] { p->Compress(); });
  Print("zstd back", [=] { p->Decompress(); });
  Print("AES-256-GCM of what is left", [=] { p->Encrypt(); });
}

void PrintVerbs(Passes* p, Files* f, size_t size) {
  Print("GET", [=] {
    f->Identity();
    f->ReadRecord(kFrontBytes * 4);
    p->Decrypt();
    p->Decompress();
    f->Log();
  });
  Print("LOCK", [=] {
    f->Identity();
    f->Identity();
    const int fd = f->OpenLock();
    p->Sha256(kLockRecord);
    f->Gates();
    f->FindHead();
    p->Sha256(kLockRecord);
    f->StoreLock(fd);
    close(fd);
    f->Log();
  });
  Print("UNLOCK", [=] {
    f->Identity();
    const int fd = f->OpenLock();
    p->Sha256(kLockRecord);
    f->Released(fd);
    p->Sha256(kLockRecord);
    f->StoreLock(fd);
    close(fd);
    f->Log();
  });
  Print("POST, without the scan for serial and lineage", [=] {
    p->Md5();
    f->Identity();
    f->Identity();
    const int fd = f->OpenLock();
    p->Sha256(kLockRecord);
    f->ReadRecord(kFrontBytes);
    p->Sha256(size);
    p->Compress();
    p->Encrypt();
    f->Append();
    f->NoteHead(fd);
    close(fd);
    f->Log();
  });
}

}  // namespace

int main(int argc, char** argv) {
  const size_t size = argc == 4 ? std::strtoul(argv[3], nullptr, 10) : 0;
  if (size == 0) {
    std::fputs("usage: floor DIR LOG SIZE\n", stderr);
    return 2;
  }
  Passes passes{std::string(bench::Document(size, 1).text())};
  Files files(argv[1], argv[2], passes.sealed());
  std::printf("a document of %zu bytes, %zu when it is compressed\n", size, passes.sealed().size());
  PrintSteps(&passes, &files, size);
  PrintVerbs(&passes, &files, size);
  return 0;
}
