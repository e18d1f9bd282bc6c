#include "document/part_index.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "document/token_digest.h"

namespace stateward {
namespace {

// What providers write into `id` when the thing has none.
bool IsPlaceholder(std::string_view id) {
  return id.empty() || id == "none" || id == "-" || id == "static" || id == "id" || id == "0" ||
         id == "null";
}

PartDigest ContentOf(const Part& part, bool attributes_only) {
  TokenDigest all;
  for (const Member& member : part.members) {
    if (attributes_only && member.meta) continue;
    all.Add('k', member.name);
    all.Add('d', ByteView(member.digest).AsString());
  }
  return all.Finish();
}

PartDigest IdentityOf(const Part& part) {
  TokenDigest identity;
  identity.Add('t', part.type);
  identity.Add('m', part.kind == PartKind::kData ? "data" : "");
  // The id of a data source is that of what was looked up: several may have it.
  if (part.kind == PartKind::kResource && !IsPlaceholder(part.id)) {
    identity.Add('i', part.id);
  } else {
    identity.Add('c', ByteView(ContentOf(part, true)).AsString());
  }
  return identity.Finish();
}

// For each identity where it stands, or kNoPart when it stands there more than once.
std::map<PartDigest, size_t> OnlyOnes(const std::vector<IndexedPart>& parts,
                                      const std::vector<PartPair>& pairs, bool before) {
  std::map<PartDigest, size_t> out;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const size_t at = before ? pairs[i].before : pairs[i].after;
    const bool alone = (before ? pairs[i].after : pairs[i].before) == kNoPart;
    if (at == kNoPart || !alone || parts[at].kind == PartKind::kOutput) continue;
    auto [place, is_new] = out.emplace(parts[at].identity, i);
    if (!is_new) place->second = kNoPart;
  }
  return out;
}

void JoinMoved(const std::vector<IndexedPart>& before, const std::vector<IndexedPart>& after,
               std::vector<PartPair>* pairs) {
  const std::map<PartDigest, size_t> gone = OnlyOnes(before, *pairs, true);
  const std::map<PartDigest, size_t> there = OnlyOnes(after, *pairs, false);
  for (const auto& [identity, at] : gone) {
    auto found = there.find(identity);
    if (at == kNoPart || found == there.end() || found->second == kNoPart) continue;
    (*pairs)[found->second].before = (*pairs)[at].before;
    (*pairs)[found->second].change = PartChange::kMoved;
    (*pairs)[at].before = kNoPart;
  }
  pairs->erase(std::remove_if(pairs->begin(), pairs->end(),
                              [](const PartPair& pair) {
                                return pair.before == kNoPart && pair.after == kNoPart;
                              }),
               pairs->end());
}

}  // namespace

PartDigest AddressDigest(PartKind kind, const std::string& address) {
  TokenDigest digest;
  digest.Add(kind == PartKind::kOutput ? 'o' : 'r', address);
  return digest.Finish();
}

Status IndexParts(ByteView document, DocumentShape* shape, std::vector<IndexedPart>* parts,
                  MarkedTexts* marked) {
  parts->clear();
  STATEWARD_RETURN_IF_ERROR(EachPart(document, shape, [parts, marked](const Part& part) {
    IndexedPart entry;
    entry.address = AddressDigest(part.kind, part.address);
    entry.content = ContentOf(part, false);
    entry.identity = IdentityOf(part);
    entry.kind = part.kind;
    parts->push_back(entry);
    return marked == nullptr ? Status() : marked->AddFrom(part);
  }));
  std::sort(parts->begin(), parts->end(),
            [](const IndexedPart& a, const IndexedPart& b) { return a.address < b.address; });
  const auto twice = std::adjacent_find(
      parts->begin(), parts->end(),
      [](const IndexedPart& a, const IndexedPart& b) { return a.address == b.address; });
  if (twice == parts->end()) return {};
  return {Code::kConflict, "the document is not clear: an address stands twice"};
}

std::vector<PartPair> PairParts(const std::vector<IndexedPart>& before,
                                const std::vector<IndexedPart>& after) {
  std::vector<PartPair> pairs;
  size_t b = 0;
  size_t a = 0;
  while (b < before.size() || a < after.size()) {
    const bool no_before = b == before.size();
    const bool no_after = a == after.size();
    if (no_before || (!no_after && after[a].address < before[b].address)) {
      pairs.push_back({PartChange::kAdded, kNoPart, a++});
    } else if (no_after || before[b].address < after[a].address) {
      pairs.push_back({PartChange::kRemoved, b++, kNoPart});
    } else {
      if (before[b].content != after[a].content) pairs.push_back({PartChange::kChanged, b, a});
      ++b;
      ++a;
    }
  }
  JoinMoved(before, after, &pairs);
  return pairs;
}

}  // namespace stateward
