#include "moving/lock_text.h"

#include <utility>

#include "base/hex.h"
#include "base/json.h"
#include "base/sha256.h"
#include "state/lock_info.h"

namespace stateward {

std::string ImportLockId(std::string_view place) {
  const std::string hex = HexEncode(Sha256("stateward import v1:" + std::string(place)));
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20, 12);
}

std::string ImportLockInfo(std::string_view place, const std::string& path, int64_t now_ms) {
  JsonWriter info;
  info.BeginObject().Key("ID").String(ImportLockId(place)).Key("Operation").String("import");
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
