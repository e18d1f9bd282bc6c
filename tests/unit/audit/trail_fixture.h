// A trail in a folder of its own, for the tests of src/audit.
#ifndef STATEWARD_TESTS_UNIT_AUDIT_TRAIL_FIXTURE_H_
#define STATEWARD_TESTS_UNIT_AUDIT_TRAIL_FIXTURE_H_

#include <CppUTest/TestHarness.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "audit/audit_line.h"
#include "audit/trail_verifier.h"
#include "audit/trail_writer.h"
#include "doubles/fake_clock.h"
#include "stateward/observer.h"

namespace stateward {

class LostObserver : public Observer {
 public:
  void OnRequest(RouteName, Method, int, int64_t) override {}
  void OnBackendCall(BackendKind, std::string_view, bool, int64_t) override {}
  void OnUploadKept() override {}
  void OnAuditLost() override { ++lost; }
  std::atomic<int> lost{0};
};

struct TrailFixture {
  char dir[40] = "/tmp/stateward-audit-XXXXXX";
  FakeClock clock;
  LostObserver observer;
  Log log{LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kFatal};
  SecretBytes key = AuditKey(std::string("a secret of the store"));
  std::string file;

  TrailFixture() {
    CHECK(mkdtemp(dir) != nullptr);
    file = std::string(dir) + "/audit.log";
  }
  ~TrailFixture() { [[maybe_unused]] const int r = system(("rm -rf " + std::string(dir)).c_str()); }

  std::unique_ptr<TrailWriter> Open(bool required, Disk& disk = PosixDisk()) {
    TrailOptions options;
    options.settings.file = file;
    options.settings.required = required;
    options.end_path = ChainEndPath(file, dir);
    options.writer = "test";
    options.turn_ms = 600000;  // whoever has the turn may stand still for some seconds
    return std::make_unique<TrailWriter>(
        options, [this] { return Result<SecretBytes>(key); }, disk, clock, observer, log);
  }
  static AuditEvent Event(const std::string& action) {
    AuditEvent event;
    event.time_ms = 1764000000123;
    event.principal = "user:alice";
    event.action = action;
    event.project = "net";
    event.name = "prod";
    return event;
  }
  static std::vector<std::string> Lines(const std::string& path) {
    std::vector<std::string> lines;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
  std::vector<std::string> Lines() const { return Lines(file); }
  static void Put(const std::string& path, const std::vector<std::string>& lines) {
    std::ofstream out(path, std::ios::trunc);
    for (const std::string& line : lines) out << line << "\n";
  }
  TrailReport Verify(const std::vector<std::string>& lines, std::vector<KnownHead> known = {}) {
    TrailVerifier verifier(key);
    for (KnownHead& head : known) verifier.Know(std::move(head));
    verifier.BeginFile("audit.log");
    for (const std::string& line : lines) verifier.Line(line, true);
    return verifier.Finish();
  }
  AuditLine Parse(const std::string& line) {
    Result<AuditLine> read = ReadAuditLine(key, line);
    if (!read.ok()) FAIL(read.status().detail().c_str());
    return *read;
  }
};

}  // namespace stateward

#endif  // STATEWARD_TESTS_UNIT_AUDIT_TRAIL_FIXTURE_H_
