// How fast records are sealed and opened, next to what AES-256-GCM and zstd -1 allow on the same
// bytes in the same run. Prints a table; `make bench-seal`.
#include <openssl/evp.h>
#include <zstd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/sha256.h"
#include "kms/key_text.h"
#include "kms/open_kms.h"
#include "kms/suite.h"
#include "stateward/kms.h"

namespace stateward {
namespace {

// The median of at least 5 runs that take a second together: a neighbour's work should not count.
double Seconds(const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> runs;
  double sum = 0;
  work();  // warms caches and the allocator
  while (runs.size() < 5 || (sum < 1.0 && runs.size() < 20000)) {
    const auto start = Clock::now();
    work();
    runs.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    sum += runs.back();
  }
  std::nth_element(runs.begin(), runs.begin() + static_cast<ptrdiff_t>(runs.size() / 2),
                   runs.end());
  return runs[runs.size() / 2];
}

// A state's text: JSON of resources whose ids are random, so that it shrinks to about a third.
std::string StateText(size_t n) {
  std::string text =
      "{\"version\":4,\"terraform_version\":\"1.9.8\",\"serial\":1,\"resources\":[\n";
  while (text.size() < n) {
    text +=
        "{\"mode\":\"managed\",\"type\":\"aws_instance\",\"name\":\"node-" + RandomHex(4) +
        "\",\"provider\":\"provider[\\\"registry.opentofu.org/hashicorp/aws\\\"]\",\"instances\":"
        "[{\"schema_version\":1,\"attributes\":{\"ami\":\"ami-" +
        RandomHex(8) + "\",\"arn\":\"arn:aws:ec2:eu-central-1:123456789012:instance/i-" +
        RandomHex(8) + "\",\"private_ip\":\"10.0.0.1\",\"user_data\":\"" + RandomHex(20) +
        "\"}}]},\n";
  }
  text.resize(n);
  return text;
}

std::string Noise(size_t n) {
  std::string bytes(n, '\0');
  for (size_t i = 0; i < n; i += 1 << 20) {
    FillRandom(&bytes[i], std::min<size_t>(1 << 20, n - i));
  }
  return bytes;
}

// What the two ingredients take for these bytes, each into memory that is there already.
struct Raw {
  double compress, decompress, encrypt, decrypt;
  bool zstd;
};

Raw Ingredients(const std::string& document) {
  std::vector<char> packed(ZSTD_compressBound(document.size()));
  std::vector<char> back(document.size());
  std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> cctx(ZSTD_createCCtx(), ZSTD_freeCCtx);
  std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> dctx(ZSTD_createDCtx(), ZSTD_freeDCtx);
  size_t n = 0;
  Raw raw{};
  raw.compress = Seconds([&] {
    n = ZSTD_compressCCtx(cctx.get(), packed.data(), packed.size(), document.data(),
                          document.size(), 1);
  });
  raw.decompress =
      Seconds([&] { ZSTD_decompressDCtx(dctx.get(), back.data(), back.size(), packed.data(), n); });
  raw.zstd = n < document.size() - document.size() / 16;
  const size_t plain = raw.zstd ? n : document.size();

  const auto suite = *Suite::Load();
  const SecretBytes key(kKeyBytes, 7);
  Gcm sealer = *suite->Sealer(key);
  Gcm opener = *suite->Opener(key);
  std::vector<uint8_t> sealed(plain + kTagBytes);
  std::vector<uint8_t> opened(plain);
  raw.encrypt = Seconds([&] {
    (void)sealer.Seal(Nonce{}, {}, {document.data(), plain}, sealed.data()).ok();
  });
  raw.decrypt = Seconds([&] {
    (void)opener.Open(Nonce{}, {}, {sealed.data(), sealed.size()}, opened.data()).ok();
  });
  return raw;
}

// The most memory of this process since the last call that reset it, in bytes; 0: not to be had.
double Peak(bool reset) {
  if (reset) std::ofstream("/proc/self/clear_refs") << "5";
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.compare(0, 6, "VmHWM:") == 0) return std::stod(line.substr(6)) * 1024;
  }
  return 0;
}

void Row(const char* what, size_t bytes, double seconds, double allowed) {
  std::printf("  %-5s %9.1f us %8.0f MB/s   ingredients %9.1f us   %.2f of what they allow\n", what,
              seconds * 1e6, static_cast<double>(bytes) / seconds / 1e6, allowed * 1e6,
              allowed / seconds);
}

int Measure(Kms& kms, const char* name, const std::string& document) {
  const SealContext where{std::string(32, '0'), StateId::Of({"", "bench", "seal"}), 1};
  SealedInfo info;
  info.key = {"", "bench", "seal"};
  info.version.size = document.size();
  info.version.sha256 = Sha256(document);
  double before = Peak(true);
  Result<Bytes> record = kms.Seal(where, info, document);
  if (!record.ok()) return 1;
  const double sealing = (Peak(false) - before) / static_cast<double>(document.size());
  before = Peak(true);
  Result<Opened> opened = kms.Open(where, *record);
  const double opening = (Peak(false) - before) / static_cast<double>(document.size());
  if (!opened.ok() || ByteView(opened->document) != ByteView(document)) return 1;
  *opened = Opened();
  const double seal = Seconds([&] { (void)kms.Seal(where, info, document).ok(); });
  const double open = Seconds([&] { (void)kms.Open(where, *record).ok(); });
  const double front = Seconds([&] { (void)kms.OpenInfo(where, *record).ok(); });
  const Raw raw = Ingredients(document);
  std::printf(
      "%s: %zu bytes, record %zu; zstd -1 %.0f and %.0f MB/s, AES-256-GCM %.0f and %.0f us\n", name,
      document.size(), record->size(), static_cast<double>(document.size()) / raw.compress / 1e6,
      static_cast<double>(document.size()) / raw.decompress / 1e6, raw.encrypt * 1e6,
      raw.decrypt * 1e6);
  Row("seal", document.size(), seal, raw.encrypt + (raw.zstd ? raw.compress : 0));
  Row("open", document.size(), open, raw.decrypt + (raw.zstd ? raw.decompress : 0));
  std::printf("  info  %9.1f us", front * 1e6);
  // Below a megabyte this is the allocator's noise.
  if (document.size() > 10000000) {
    std::printf("   memory besides the input: seal %.2f, open %.2f of the document", sealing,
                opening);
  }
  std::printf("\n");
  return 0;
}

int Run() {
  KmsSettings settings;
  settings.key = NewKeyText();
  Result<std::unique_ptr<Kms>> kms = OpenKms(settings);
  if (!kms.ok()) return 1;
  int failed = 0;
  failed += Measure(**kms, "state, 20 KB", StateText(20000));
  failed += Measure(**kms, "state, 1 MB", StateText(1000000));
  failed += Measure(**kms, "state, 100 MB", StateText(100000000));
  failed += Measure(**kms, "noise, 20 KB", Noise(20000));
  failed += Measure(**kms, "noise, 1 MB", Noise(1000000));
  failed += Measure(**kms, "noise, 100 MB", Noise(100000000));
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace stateward

// With the name of a file: writes the state of 100 MB there, for other programs to be measured on.
int main(int argc, char** argv) {
  if (argc < 2) return stateward::Run();
  std::ofstream(argv[1]) << stateward::StateText(100000000);
  return 0;
}
