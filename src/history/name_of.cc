#include "history/name_of.h"

#include <utility>

namespace stateward {

Result<std::optional<StateKey>> NameOf(const History& history, const StateId& id) {
  Result<uint64_t> head = history.records().Head(id);
  if (!head.ok()) return std::move(head).status();
  if (*head == 0) return std::optional<StateKey>();
  Result<SealedInfo> info = history.Info(id, *head);
  if (info.ok()) return std::optional<StateKey>(std::move(info->key));
  const Status& why = info.status();
  if (why.unreadable() || why.code() == Code::kNotFound) return std::optional<StateKey>();
  return std::move(info).status();
}

}  // namespace stateward
