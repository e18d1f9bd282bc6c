#include "redis/redis_address.h"

#include <charconv>
#include <utility>

namespace stateward {
namespace {

constexpr uint16_t kRedisPort = 6379;
constexpr uint16_t kSentinelPort = 26379;
// A group has three or five; more only lengthen the way to the last one.
constexpr size_t kMaxSentinels = 16;

bool ParsePort(std::string_view text, uint16_t* out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size() && *out != 0;
}

bool ParseHostPort(std::string_view text, uint16_t default_port, HostPort* out) {
  out->port = default_port;
  std::string_view rest;
  if (!text.empty() && text.front() == '[') {
    size_t close = text.find(']');
    if (close == std::string_view::npos) return false;
    out->host = std::string(text.substr(1, close - 1));
    rest = text.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return false;
  } else {
    size_t colon = text.find(':');
    out->host = std::string(text.substr(0, colon));
    if (colon != std::string_view::npos) rest = text.substr(colon);
  }
  if (out->host.empty() || out->host.find_first_of("/@, ") != std::string::npos) return false;
  return rest.empty() || ParsePort(rest.substr(1), &out->port);
}

Status Wrong() {
  return Status::InvalidArgument(
      "REDIS_ADDR must be host:port, [v6]:port, unix:/path or "
      "sentinel:NAME@host:port,host:port (at most 16)");
}

bool StartsWith(std::string_view text, std::string_view head) {
  return text.substr(0, head.size()) == head;
}

}  // namespace

Result<RedisAddress> ParseRedisAddress(std::string_view text) {
  RedisAddress out;
  if (StartsWith(text, "unix:")) {
    out.unix_path = std::string(text.substr(5));
    if (out.unix_path.empty() || out.unix_path.front() != '/') return Wrong();
    return out;
  }
  uint16_t default_port = kRedisPort;
  if (StartsWith(text, "sentinel:")) {
    text.remove_prefix(9);
    size_t at = text.find('@');
    if (at == 0 || at == std::string_view::npos) return Wrong();
    out.sentinel_group = std::string(text.substr(0, at));
    text.remove_prefix(at + 1);
    default_port = kSentinelPort;
  }
  for (bool more = true; more;) {
    size_t comma = text.find(',');
    more = comma != std::string_view::npos;
    HostPort host_port;
    if (!ParseHostPort(text.substr(0, comma), default_port, &host_port)) return Wrong();
    out.host_ports.push_back(std::move(host_port));
    if (more) text.remove_prefix(comma + 1);
  }
  size_t most = out.sentinel_group.empty() ? 1 : kMaxSentinels;
  if (out.host_ports.size() > most) return Wrong();
  return out;
}

}  // namespace stateward
