// What an administrator does about a closed store.
#ifndef STATEWARD_HOW_TO_OPEN_H_
#define STATEWARD_HOW_TO_OPEN_H_

#include <string>
#include <string_view>

#include "stateward/closed_store.h"

namespace stateward {

// How the reasons of `statewardctl copy` begin.
inline constexpr std::string_view kWhyMoving = "being moved to ";
inline constexpr std::string_view kWhyMoved = "moved to ";
inline constexpr std::string_view kWhyCopied = "being copied from ";

// "this store is closed: …", why and what to do now. REQUIRES: IsClosed(identity)
inline std::string ClosedText(const StoreIdentity& identity) {
  const std::string why = WhyClosed(identity);
  const auto is = [&why](std::string_view begin) {
    return why.compare(0, begin.size(), begin) == 0;
  };
  const std::string text = "this store is closed: " + why;
  if (is(kWhyMoving)) {
    return text +
           "; `statewardctl copy` with the same --to-env-file goes on, with --give-up too it opens "
           "this store again";
  }
  if (is(kWhyCopied)) return text + "; `statewardctl copy` opens it when all of it is here";
  if (is(kWhyMoved)) return text + "; use the settings of that place";
  if (is(kWhyRestoring)) return text + "; give the same `statewardctl restore` again";
  if (is(kWhyRestored)) return text + "; `statewardctl init --locks` opens it";
  return text;
}

}  // namespace stateward

#endif  // STATEWARD_HOW_TO_OPEN_H_
