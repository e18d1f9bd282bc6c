#include "base/log_output.h"

#include <CppUTest/TestHarness.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace stateward {
namespace {

std::string Read(int fd) {
  std::string text(1 << 20, '\0');
  const ssize_t n = read(fd, text.data(), text.size());
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return text;
}

const std::string kLine = std::string(999, 'x') + "\n";

}  // namespace

TEST_GROUP(LogOutput){// Writes until lines are left out, then reads and writes again.
                      void FillsAndGoesOn(int reader, int writer){LogOutput output(writer);
LONGS_EQUAL(0, output.Write("first\n"));
for (int i = 0; i < 2000; ++i) LONGS_EQUAL(0, output.Write(kLine));
std::string text;
for (std::string part; !(part = Read(reader)).empty();) text += part;
STRCMP_EQUAL("first\n", text.substr(0, 6).c_str());
const uint64_t left_out = output.Write("next\n");
CHECK(left_out > 0 && left_out < 2000);
LONGS_EQUAL(0, output.Write("last\n"));
text += Read(reader);
LONGS_EQUAL(6 + 5 + 5 + (2000 - left_out) * kLine.size(), text.size());
STRCMP_EQUAL("next\nlast\n", text.substr(text.size() - 10).c_str());
close(reader);
close(writer);
}  // namespace stateward
}
;

TEST(LogOutput, APipeThatNobodyReadsStopsNobody) {
  int ends[2];
  LONGS_EQUAL(0, pipe2(ends, O_CLOEXEC));
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  FillsAndGoesOn(ends[0], ends[1]);
}

TEST(LogOutput, ASocketThatNobodyReadsStopsNobody) {
  int ends[2];
  LONGS_EQUAL(0, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends));
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  LogOutput output(ends[1]);
  for (int i = 0; i < 2000; ++i) LONGS_EQUAL(0, output.Write(kLine));
  STRCMP_EQUAL(kLine.c_str(), Read(ends[0]).c_str());
  CHECK(output.Write("next\n") > 0);
  close(ends[0]);
  close(ends[1]);
}

}  // namespace stateward
