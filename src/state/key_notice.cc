#include "state/key_notice.h"

#include <unistd.h>

#include <algorithm>
#include <cinttypes>

#include "base/hex.h"
#include "base/json.h"
#include "base/process.h"
#include "base/store_format.h"
#include "base/version.h"

namespace stateward {
namespace {

constexpr size_t kKeyIdDigits = 32;

std::string ServerName() {
  const std::string host = HostName();
  return (host.empty() ? "unknown" : host) + ":" + std::to_string(getpid());
}

}  // namespace

std::string FormatKeyNotice(const KeyNotice& notice) {
  JsonWriter w;
  w.BeginObject().Key("server").String(notice.server).Key("version").String(notice.version);
  w.Key("time_ms").Text64(static_cast<uint64_t>(notice.time_ms));
  w.Key("seals").String(notice.seals).Key("opens").BeginArray();
  for (const std::string& id : notice.opens) w.String(id);
  w.EndArray().Key("format").Text64(notice.format).EndObject();
  return std::move(w).Take();
}

std::optional<KeyNotice> ParseKeyNotice(ByteView text) {
  Result<JsonObject> json = ParseSmallJson(text);
  if (!json.ok()) return std::nullopt;
  const auto server = json->String("server");
  const auto version = json->String("version");
  const auto time = json->Uint("time_ms");
  const auto seals = json->String("seals");
  const auto opens = json->Strings("opens");
  const auto format = json->Uint("format");
  if (!server || !version || !time || !seals || !opens || !format || !IsHex(*seals, kKeyIdDigits))
    return std::nullopt;
  return KeyNotice{*server, *version, static_cast<int64_t>(*time),
                   *seals,  *opens,   static_cast<uint32_t>(*format)};
}

Status PublishKeys(ServerNotices& servers, Kms& kms, const std::string& id, int64_t now_ms) {
  Result<std::vector<std::string>> keys = kms.KeyIds();
  if (!keys.ok()) return std::move(keys).status();
  if (keys->empty()) return Status();
  KeyNotice notice;
  notice.server = ServerName();
  notice.version = kStatewardVersion;
  notice.time_ms = now_ms;
  notice.seals = keys->front();
  notice.opens = *std::move(keys);
  notice.format = NewestStoreFormat();
  return servers.Publish(id, FormatKeyNotice(notice));
}

Status ForgetSilentServers(ServerNotices& servers, int64_t now_ms) {
  Result<std::vector<ServerNotice>> notices = servers.Published();
  if (!notices.ok()) return std::move(notices).status();
  for (const ServerNotice& each : *notices) {
    const std::optional<KeyNotice> notice = ParseKeyNotice(each.text);
    if (notice && now_ms - notice->time_ms < kNoticeKeptMs) continue;
    STATEWARD_RETURN_IF_ERROR(servers.Withdraw(each.server_id));
  }
  return Status();
}

Result<Servers> ServersOf(ServerNotices& servers, int64_t now_ms) {
  Result<std::vector<ServerNotice>> notices = servers.Published();
  if (!notices.ok()) return std::move(notices).status();
  Servers found;
  for (const ServerNotice& each : *notices) {
    std::optional<KeyNotice> notice = ParseKeyNotice(each.text);
    if (!notice) continue;
    // A server whose clock is ahead counts.
    const bool silent = now_ms - notice->time_ms >= kNoticeCountsMs;
    (silent ? found.silent : found.running).push_back(*std::move(notice));
  }
  return found;
}

Result<KeyUsers> UsersOfKey(ServerNotices& servers, const std::string& key_id, int64_t now_ms) {
  Result<Servers> found = ServersOf(servers, now_ms);
  if (!found.ok()) return std::move(found).status();
  KeyUsers users;
  for (const KeyNotice& notice : found->silent) users.silent.push_back(notice.server);
  for (const KeyNotice& notice : found->running) {
    const auto& opens = notice.opens;
    if (std::find(opens.begin(), opens.end(), key_id) == opens.end()) {
      users.lack.push_back(notice.server);
    }
    if (notice.seals == key_id) users.seal.push_back(notice.server);
  }
  return users;
}

}  // namespace stateward
