// What the cases of storage_cases.h run on, and what they share.
#ifndef STATEWARD_TESTS_CONFORMANCE_STORAGE_FIXTURE_H_
#define STATEWARD_TESTS_CONFORMANCE_STORAGE_FIXTURE_H_

#include <CppUTest/TestHarness.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "conformance/ask_again.h"
#include "stateward/storage.h"

namespace stateward {

// A place of its own for one test: there is nothing in it, and no marker.
class StorageFixture {
 public:
  virtual ~StorageFixture() = default;
  // One more instance on the place, as another process would make it.
  virtual std::shared_ptr<Storage> Open() = 0;
  // Removes the marker behind the store's back.
  virtual void RemoveMarker() = 0;
  // Puts a blob where the original kept it.
  virtual void PutLegacy(const std::string& legacy_id, const std::string& blob) = 0;
  // Puts something there that is neither ours nor the original's; false: there can be no such
  // thing.
  virtual bool PutStranger() = 0;
};

namespace storage_cases {

inline StoreIdentity Marker() {
  return {std::string(32, 'a'), 1, "local", std::string(32, 'b'), Bytes(300, 0xFE)};
}

inline StateId IdOf(const std::string& name) { return StateId::Of({"", "p", name}); }
inline StateId Id() { return IdOf("n"); }
inline std::string LegacyId() { return std::string(63, '0') + "e"; }

template <typename T>
void Is(Code code, const Result<T>& result) {
  CHECK_FALSE(result.ok());
  STRCMP_EQUAL(std::string(CodeName(code)).c_str(),
               std::string(CodeName(result.status().code())).c_str());
}
inline void Is(Code code, const Status& status) {
  STRCMP_EQUAL(std::string(CodeName(code)).c_str(), std::string(CodeName(status.code())).c_str());
}
inline void Good(const Status& status) { STRCMP_EQUAL("", status.detail().c_str()); }
template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) FAIL(result.status().detail().c_str());
  return *std::move(result);
}

// An instance on a store that was made just now.
inline std::shared_ptr<Storage> Fresh(StorageFixture& f) {
  Good(f.Open()->WriteIdentity(Marker(), nullptr));
  return f.Open();
}
inline void Put(Storage& s, const StateId& id, uint64_t expected_head, ByteView bytes) {
  AppendOutcome outcome = Must(s.Append(id, expected_head, bytes));
  CHECK(outcome.appended);
  CHECK(outcome.n == expected_head + 1);
}

inline std::string Noise(size_t n) {
  std::string bytes(n, '\0');
  FillRandom(bytes.data(), n);
  return bytes;
}

// `run` must use no macro of the tests: one that fails in a thread ends the program. It notes what
// went wrong, and the test looks when all threads have ended.
inline void InThreads(size_t count, const std::function<void(size_t)>& run) {
  std::vector<std::thread> threads;
  for (size_t t = 0; t < count; ++t) threads.emplace_back([&run, t] { run(t); });
  for (std::thread& thread : threads) thread.join();
}

inline KeptUpload Entry(char principal, char content, uint64_t size, int64_t time_ms) {
  return {std::string(32, principal), std::string(32, content), Id(), time_ms, size};
}
constexpr int64_t kSomeMs = 1764000000000;

}  // namespace storage_cases
}  // namespace stateward

#endif  // STATEWARD_TESTS_CONFORMANCE_STORAGE_FIXTURE_H_
