// The gates as a text (docs/formats.md, "Gates"), and what they say to a LOCK. Pure.
#ifndef STATEWARD_LOCK_GATE_TEXT_H_
#define STATEWARD_LOCK_GATE_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "stateward/gates.h"
#include "stateward/result.h"

namespace stateward {

// Of kMaxGates gates whose texts are all escaped.
inline constexpr size_t kMaxGateText = size_t{256} * 1024;

// "" = no gates.
std::string EncodeGates(const std::vector<Gate>& gates);
// 16 hex digits of the text's SHA-256; "" of the empty text.
std::string GateTag(std::string_view text);
// kUnavailable: damaged, or a newer build's.
Result<GateSet> DecodeGates(std::string_view text, int64_t now_ms);

enum class GateVerdict : uint8_t {
  kOpen,
  kShut,
  kChanged,  // the ticket is of another set
};
// `tag`: of the set that is stored.
GateVerdict JudgeGates(const GateTicket& ticket, std::string_view tag, int64_t now_ms);

}  // namespace stateward

#endif  // STATEWARD_LOCK_GATE_TEXT_H_
