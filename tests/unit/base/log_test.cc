#include "base/log.h"

#include <CppUTest/TestHarness.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "base/json.h"
#include "doubles/stderr_of.h"

namespace stateward {
namespace {

void WriteOne(LogFormat format, const std::string& value) {
  Log log(LogTarget::kStderr, format, LogLevel::kInfo);
  log.Write(LogLevel::kInfo,
            log.Begin(LogLevel::kInfo, "request").Str("state", value).Int("status", 200));
  log.Write(LogLevel::kDebug, log.Begin(LogLevel::kDebug, "never").Str("state", value));
}

}  // namespace

TEST_GROUP(Log){};

TEST(Log, Logfmt) {
  std::string line = StderrOf([] { WriteOne(LogFormat::kLogfmt, "p/n"); });
  CHECK(line.find(" level=info msg=request state=p/n status=200\n") != std::string::npos);
  CHECK(line.find("never") == std::string::npos);
}

TEST(Log, Json) {
  std::string line = StderrOf([] { WriteOne(LogFormat::kJson, "p/\"n\""); });
  Result<JsonObject> json = ParseSmallJson(line);
  CHECK(json.ok());
  STRCMP_EQUAL("p/\"n\"", json->String("state")->c_str());
  CHECK(json->Uint("status") == uint64_t{200});
}

TEST(Log, AValueCannotMakeALineOrAField) {
  std::string line =
      StderrOf([] { WriteOne(LogFormat::kLogfmt, "x\nlevel=fatal msg=forged \" status=500"); });
  LONGS_EQUAL(1, std::count(line.begin(), line.end(), '\n'));
  CHECK(line.find(R"(state="x\u000alevel=fatal msg=forged \" status=500" status=200)") !=
        std::string::npos);
}

TEST(Log, LinesHaveALimit) {
  std::string line = StderrOf([] { WriteOne(LogFormat::kLogfmt, std::string(100000, 'x')); });
  LONGS_EQUAL(Log::kMaxLine + 1, line.size());
}

TEST(Log, JsonThatIsTooLongIsJson) {
  for (const std::string& value : {std::string(100000, 'x'), std::string(100000, '\n'),
                                   std::string(8000, '"'), std::string(8070, 'x')}) {
    const std::string line = StderrOf([&] { WriteOne(LogFormat::kJson, value); });
    CHECK(line.size() <= Log::kMaxLine + 1);
    Result<JsonObject> json = ParseSmallJson(line);
    CHECK_TEXT(json.ok(), line.substr(line.size() - 60).c_str());
    const std::string state = json->String("state").value_or("");
    CHECK(state.size() > 1000);
    STRCMP_EQUAL(value.substr(0, state.size()).c_str(), state.c_str());
  }
}

// spawn-fcgi without -n.
TEST(Log, SyslogWhenStderrIsNowhere) {
  CHECK(ChooseLogTarget() == LogTarget::kStderr);
  for (bool closed : {false, true}) {
    pid_t pid = fork();
    if (pid == 0) {
      close(2);
      if (!closed) open("/dev/null", O_WRONLY);  // gets number 2
      _exit(ChooseLogTarget() == LogTarget::kSyslog ? 0 : 1);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    LONGS_EQUAL(0, status);
  }
}

}  // namespace stateward
