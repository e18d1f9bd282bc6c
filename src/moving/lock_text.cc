#include "moving/lock_text.h"

#include <utility>

#include "base/hex.h"
#include "base/json.h"
#include "base/sha256.h"
#include "state/lock_info.h"

namespace stateward {
namespace {

constexpr size_t kPlaceDigits = 8;

std::string PlaceDigits(std::string_view place) {
  return HexEncode(Sha256("stateward import v1:" + std::string(place))).substr(0, kPlaceDigits);
}

}  // namespace

std::string ImportLockId(std::string_view place) {
  const std::string hex = PlaceDigits(place) + MarkOf(SelfProcess());
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20, 12);
}

RunState WhoseImport(std::string_view id, std::string_view place) {
  std::string hex;
  for (char c : id) {
    if (c != '-') hex += c;
  }
  if (hex.size() != kPlaceDigits + kRunMarkDigits) return RunState::kOther;
  if (hex.compare(0, kPlaceDigits, PlaceDigits(place)) != 0) return RunState::kOther;
  return LookAtRun(std::string_view(hex).substr(kPlaceDigits));
}

std::string ImportLockInfo(const std::string& id, const std::string& path, int64_t now_ms) {
  JsonWriter info;
  info.BeginObject().Key("ID").String(id).Key("Operation").String("import");
  info.Key("Info").String("statewardctl import reads this state").Key("Who").String("statewardctl");
  info.Key("Version").String("").Key("Created").String(FormatTime(now_ms));
  info.Key("Path").String(path).EndObject();
  return std::move(info).Take();
}

std::string WhoHolds(ByteView info, std::string* id) {
  id->clear();
  Result<JsonObject> parsed = ParseSmallJson(info);
  if (!parsed.ok()) return "somebody";
  *id = parsed->String("ID").value_or("");
  const auto with = [&parsed](const char* before, const char* member) {
    const std::string text = parsed->String(member).value_or("");
    return text.empty() ? "" : before + text;
  };
  const std::string who = parsed->String("Who").value_or("");
  return (who.empty() ? "somebody" : who) + with(" for ", "Operation") +
         with(" since ", "Created") + with(" with the lock ID ", "ID");
}

}  // namespace stateward
