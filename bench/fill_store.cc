// Fills a store with states, past the server: the records that bench/list.py and bench/scale.py
// read. The settings come from the environment, as statewardctl takes them; the store is made
// before. VERSIONS are of states that are not there yet (0: of none); NO_OPS no-op records go on
// top.
//
//   fill_store STATES VERSIONS BYTES [NO_OPS]
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/random.h"
#include "base/sha256.h"
#include "cli/opened_store.h"
#include "history/history.h"
#include "state/guarded_write.h"
#include "stateward/clock.h"

namespace stateward {
namespace {

constexpr size_t kThreads = 8;
constexpr int kResources = 10;

std::string Document(uint64_t serial, size_t size) {
  std::string text = R"({"version":4,"terraform_version":"1.9.0","serial":)" +
                     std::to_string(serial) + R"(,"lineage":"L","outputs":{},"resources":[)";
  for (int i = 0; i < kResources; ++i) {
    Bytes noise(size / kResources * 3 / 4 - 80);
    FillRandom(noise.data(), noise.size());
    text += std::string(i == 0 ? "" : ",") + R"({"mode":"managed","type":"t","name":"r)" +
            std::to_string(i) + R"(","provider":"p","instances":[{"attributes":{"id":")" +
            std::to_string(i) + R"(","text":")" + Base64Encode(noise) + R"("}}]})";
  }
  return text + "]}";
}

struct Filling {
  size_t states = 0;
  uint64_t versions = 0;
  size_t size = 0;
  uint64_t no_ops = 0;
};

Status FillState(const History& history, size_t i, const Filling& filling) {
  SealedInfo info;
  info.key = {"", "p" + std::to_string(i % 97), "n" + std::to_string(i)};
  const StateId id = StateId::Of(info.key);
  for (uint64_t n = 0; n < filling.versions; ++n) {
    const std::string document = Document(n + 1, filling.size);
    VersionInfo& version = info.version;
    version.serial = n + 1;
    version.lineage = "L";
    version.terraform_version = "1.9.0";
    version.size = document.size();
    version.sha256 = Sha256(document);
    version.writer = "bench";
    version.time_ms = SystemClock().NowMs();
    Bytes sealed;
    Result<AppendOutcome> outcome = history.Append(id, n, info, document, &sealed);
    if (!outcome.ok()) return std::move(outcome).status();
  }
  VersionInfo no_op;
  no_op.time_ms = SystemClock().NowMs();
  for (uint64_t k = 0; k < filling.no_ops; ++k) {
    Result<uint64_t> taken = TakeNextNumber(history, info.key, id, no_op);
    if (!taken.ok()) return std::move(taken).status();
  }
  return Status();
}

int Fill(const Filling& filling, char** environment) {
  CliContext cli;
  cli.setting = [environment](const std::string& name) -> Result<std::optional<SecretString>> {
    for (char** each = environment; *each != nullptr; ++each) {
      const std::string text = *each;
      if (text.rfind(name + "=", 0) == 0) {
        return std::optional<SecretString>(SecretString(text.substr(name.size() + 1)));
      }
    }
    return std::optional<SecretString>();
  };
  Result<std::unique_ptr<OpenedStore>> store = OpenStore(cli);
  if (!store.ok()) return Fail(cli, store.status());
  const History history((*store)->storage(), *(*store)->kms, (*store)->store_id);
  std::atomic<size_t> next{0};
  std::atomic<int> failed{0};
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (size_t i = next++; i < filling.states && failed == 0; i = next++) {
        const Status done = FillState(history, i, filling);
        if (!done.ok()) failed = Fail(cli, done);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return failed;
}

}  // namespace
}  // namespace stateward

int main(int argc, char** argv, char** environment) {
  if (argc != 4 && argc != 5) {
    (void)std::fputs("fill_store STATES VERSIONS BYTES [NO_OPS]\n", stderr);
    return 2;
  }
  auto number = [&](int i) { return i < argc ? std::strtoull(argv[i], nullptr, 10) : 0; };
  return stateward::Fill({number(1), number(2), number(3), number(4)}, environment);
}
