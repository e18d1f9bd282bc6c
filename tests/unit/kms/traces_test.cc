// Nothing of a document stays in the process after it was sealed and opened.
#include <CppUTest/TestHarness.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "conformance/kms_cases.h"
#include "kms/open_kms.h"

namespace stateward {
namespace {

constexpr size_t kMarkBytes = 24;
// What is searched for is never in memory itself, only its complement.
using HiddenMark = std::array<uint8_t, kMarkBytes>;

struct Range {
  uint64_t from = 0;
  uint64_t to = 0;
};

// Writable memory: heap, stacks, anonymous maps. The sanitizers' own, which is vast, is left out.
std::vector<Range> WritableMemory() {
  std::vector<Range> ranges;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    unsigned long from = 0;
    unsigned long to = 0;
    char mode[5] = "";
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &from, &to, mode) != 3) continue;
    if (mode[0] == 'r' && mode[1] == 'w' && to - from < (256UL << 20)) ranges.push_back({from, to});
  }
  return ranges;
}

// memchr finds the candidates: a loop over hundreds of megabytes takes minutes under a sanitizer.
size_t CountIn(ByteView memory, const HiddenMark& mark) {
  if (memory.size() < kMarkBytes) return 0;
  size_t hits = 0;
  const uint8_t* const end = memory.data() + memory.size() - kMarkBytes + 1;
  const uint8_t* at = memory.data();
  while (at < end) {
    at =
        static_cast<const uint8_t*>(std::memchr(at, mark[0] ^ 0xff, static_cast<size_t>(end - at)));
    if (at == nullptr) break;
    size_t same = 1;
    while (same < kMarkBytes && at[same] == (mark[same] ^ 0xff)) ++same;
    if (same == kMarkBytes) ++hits;
    ++at;
  }
  return hits;
}

// How often the mark lies in memory. Reads through the kernel, for some of it may not be touched.
size_t CountMarks(const HiddenMark& mark) {
  const int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  CHECK(fd >= 0);
  SecretBytes buffer(1 << 20);
  size_t hits = 0;
  for (const Range& range : WritableMemory()) {
    for (uint64_t at = range.from; at < range.to; at += buffer.size() - kMarkBytes) {
      const size_t want = std::min<uint64_t>(buffer.size(), range.to - at);
      // Not to find what was read before.
      WipeMemory(buffer.data(), buffer.size());
      const ssize_t n = pread(fd, buffer.data(), want, static_cast<off_t>(at));
      if (n > 0) hits += CountIn({buffer.data(), static_cast<size_t>(n)}, mark);
    }
  }
  close(fd);
  return hits;
}

// A state with the mark in it, so large that it takes several chunks.
SecretBytes MarkedState(size_t n, const HiddenMark& mark) {
  SecretBytes document(n);
  const std::string text = kms_cases::StateText(n);
  std::copy(text.begin(), text.end(), document.begin());
  for (size_t at : {size_t{0}, n / 2, n - kMarkBytes}) {
    for (size_t i = 0; i < kMarkBytes; ++i) document[at + i] = mark[i] ^ 0xff;
  }
  return document;
}

}  // namespace

TEST_GROUP(Traces) {
  HiddenMark mark{};
  std::unique_ptr<Kms> kms;
  void setup() override {
    KmsSettings settings;
    settings.key = SecretString("4pTzqUoUoMFzS0tZ5mM1c1sTL4wGv0q1m7r9a3HkX2c=");
    kms = *OpenKms(settings);
    FillRandom(mark.data(), mark.size());
    mark[0] = 'S' ^ 0xff;  // most memory is zero: no candidate there
  }
};

TEST(Traces, TheSearchFindsWhatIsThere) {
  const SecretBytes document = MarkedState(3000, mark);
  CHECK(CountMarks(mark) >= 3);
}

TEST(Traces, NothingStaysOfADocument) {
  for (size_t n : {3000, 1000000}) {
    Bytes record;
    {
      const SecretBytes document = MarkedState(n, mark);
      record = kms_cases::MustSeal(*kms, kms_cases::Where(), document);
      LONGS_EQUAL(n, kms->Open(kms_cases::Where(), record)->document.size());
      record.back() = static_cast<uint8_t>(record.back() ^ 1);
      CHECK_FALSE(kms->Open(kms_cases::Where(), record).ok());
    }
    LONGS_EQUAL(0, CountMarks(mark));
  }
}

}  // namespace stateward
