// Every input: ParseSmallJson() takes what the slow reader allows, and sees the same members.
// What JsonWriter makes of any bytes is JSON again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "doubles/reference_json.h"

namespace stateward {
namespace {

void Demand(bool holds) {
  if (!holds) std::abort();
}

void Compare(const JsonObject& got, const reference::Value& want) {
  for (const auto& [name, member] : want.members) {
    const std::string key = reference::ToUtf8(name.decoded);
    Demand(got.Has(key));
    Demand(got.String(key).has_value() == (member.kind == 's'));
    Demand(got.Bool(key).has_value() == (member.kind == 't' || member.kind == 'f'));
    Demand(got.Object(key).has_value() == (member.kind == 'o'));
    if (member.kind == 's') Demand(*got.String(key) == reference::ToUtf8(member.string.decoded));
    if (member.kind == 't' || member.kind == 'f') Demand(*got.Bool(key) == (member.kind == 't'));
    if (member.kind == 'o') Compare(*got.Object(key), member);
    if (member.kind == '0') Demand(got.Uint(key) == ParseUint64(member.number));
    const auto objects = got.Objects(key);
    Demand(!objects || member.kind == 'a');
    if (!objects) continue;
    Demand(objects->size() == member.members.size());
    for (size_t i = 0; i < objects->size(); ++i) Compare(objects->at(i), member.members[i].second);
  }
}

}  // namespace
}  // namespace stateward

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stateward;
  const ByteView text(data, size);
  const Result<JsonObject> got = ParseSmallJson(text);
  Demand(got.ok() == reference::IsSmallJson(text.AsString()));
  if (got.ok()) Compare(*got, *reference::ParseJson(text.AsString(), kSmallJsonMaxDepth));

  JsonWriter writer;
  writer.BeginObject().Key(text.AsString()).String(text.AsString()).EndObject();
  Demand(reference::ParseJson(writer.text(), 1).has_value());
  return 0;
}
