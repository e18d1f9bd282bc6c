#include "moving/tool_run.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include "base/hex.h"
#include "base/secret_file.h"
#include "base/sha256.h"

namespace stateward {
namespace {

constexpr size_t kMachineDigits = 6;
constexpr size_t kBootDigits = 4;
constexpr size_t kPlaceDigits = kMachineDigits + kBootDigits;
constexpr size_t kPidDigits = 6;

// A file of one line; "" where there is none.
std::string LineOf(const char* path) {
  constexpr size_t kMost = 256;
  Result<SecretBytes> text = ReadSmallFile(path, kMost);
  return text.ok() ? std::string(ByteView(*text).AsString()) : "";
}

std::string Digits(const std::string& text, size_t count) {
  return HexEncode(Sha256("stateward run v1:" + text)).substr(0, count);
}

std::string Machine() {
  // Processes of another namespace have other numbers.
  char space[64] = "";
  const ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
  return Digits(LineOf("/etc/machine-id") + "\n" + HostName() + "\n" +
                    std::string(space, n > 0 ? static_cast<size_t>(n) : 0),
                kMachineDigits);
}

std::string Place() {
  return Machine() + Digits(LineOf("/proc/sys/kernel/random/boot_id"), kBootDigits);
}

// REQUIRES: a whole mark.
uint32_t PidOf(std::string_view mark) {
  return static_cast<uint32_t>(
      strtoul(std::string(mark.substr(kPlaceDigits, kPidDigits)).c_str(), nullptr, 16));
}

}  // namespace

std::string MarkOf(const ProcessId& process) {
  char text[32];
  snprintf(text, sizeof text, "%06" PRIx32 "%08" PRIx32, process.pid & 0xffffff,
           static_cast<uint32_t>(process.start));
  return Place() + text;
}

RunState LookAtRun(std::string_view mark) {
  if (!IsHex(mark, kRunMarkDigits)) return RunState::kOther;
  const std::string place = Place();
  if (mark.substr(0, kMachineDigits) != place.substr(0, kMachineDigits)) return RunState::kOther;
  if (mark.substr(0, kPlaceDigits) != place) return RunState::kGone;  // before a restart
  if (mark == MarkOf(SelfProcess())) return RunState::kThis;
  const ProcessId now = ProcessOf(PidOf(mark));
  // Where /proc is missing, or hides the processes of others, that there is one can still be seen.
  if (now.start == 0) {
    const bool gone = kill(static_cast<pid_t>(now.pid), 0) != 0 && errno == ESRCH;
    return gone ? RunState::kGone : RunState::kOther;
  }
  return mark == MarkOf(now) && LifeWatch().IsAlive(now) ? RunState::kOther : RunState::kGone;
}

std::string WhichRun(std::string_view mark) {
  const bool here = IsHex(mark, kRunMarkDigits) && mark.substr(0, kPlaceDigits) == Place();
  return here ? "process " + std::to_string(PidOf(mark)) + " on this host"
              : "a process on another host";
}

}  // namespace stateward
