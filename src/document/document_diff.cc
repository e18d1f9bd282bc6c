#include "document/document_diff.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

#include "base/json_text.h"
#include "document/marked_texts.h"
#include "document/part_index.h"
#include "document/secret_names.h"

namespace stateward {
namespace {

struct KnownMember {
  uint32_t name = 0;
  std::array<uint8_t, 12> digest{};
};
bool operator<(const KnownMember& a, const KnownMember& b) {
  return std::tie(a.name, a.digest) < std::tie(b.name, b.digest);
}

class Names {
 public:
  // The number of a member's name; kMaxNames when there is no room.
  uint32_t Of(const Member& member) {
    std::string name = JsonUnescape(member.name);
    if (member.meta) name = "(" + name + ")";
    auto found = numbers_.find(name);
    if (found != numbers_.end()) return found->second;
    if (numbers_.size() == kMaxNames) return kMaxNames;
    const auto number = static_cast<uint32_t>(numbers_.size());
    numbers_.emplace(std::move(name), number);
    return number;
  }
  std::vector<std::string> Take() && {
    std::vector<std::string> out(numbers_.size());
    for (const auto& [name, number] : numbers_) out[number] = name;
    return out;
  }

 private:
  std::map<std::string, uint32_t> numbers_;
};

// White space outside of texts is left out.
std::string Compact(std::string_view json) {
  std::string out;
  bool in_text = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text && c == '\\') {
      out.push_back(c);
      out.push_back(json[++i]);
      continue;
    }
    if (c == '"') in_text = !in_text;
    if (in_text || (c != ' ' && c != '\n' && c != '\r' && c != '\t')) out.push_back(c);
  }
  return out;
}

bool HoldsSecret(std::string_view value) {
  bool found = false;
  EachJsonText(value, [&found](std::string_view text, bool key) {
    found = LooksLikeSecret(text) || (key && IsNamedLikeSecret(text));
    return !found;
  });
  return found;
}

HiddenBy WhyHidden(const Part& part, const Member& member) {
  const std::string name = JsonUnescape(member.name);
  if (member.meta) return name == "private" ? HiddenBy::kPrivate : HiddenBy::kNothing;
  if (part.all_sensitive || part.sensitive.count(name) > 0) return HiddenBy::kMark;
  const bool named =
      IsNamedLikeSecret(name) || IsTypeOfSecrets(part.type) || IsAddressOfSecret(part.address);
  if (named) return HiddenBy::kName;
  return HoldsSecret(member.text) ? HiddenBy::kForm : HiddenBy::kNothing;
}

// The work of DiffDocuments, in order of its methods.
class Differ {
 public:
  explicit Differ(bool values) : values_(values) {}

  Status Index(ByteView document, bool before) {
    DocumentShape shape;
    Result<DocumentInfo> info = ScanDocument(document);
    if (!info.ok()) return std::move(info).status();
    (before ? out_.before : out_.after) = *std::move(info);
    (before ? out_.before_bytes : out_.after_bytes) = document.size();
    STATEWARD_RETURN_IF_ERROR(
        IndexParts(document, &shape, before ? &before_ : &after_, values_ ? &marked_ : nullptr));
    if (shape.form != DocumentForm::kReadable) out_.form = shape.form;
    return {};
  }

  bool readable() const { return out_.form == DocumentForm::kReadable; }
  bool needs_values() const { return values_ && !pairs_.empty(); }
  bool differs() const { return !pairs_.empty(); }

  void Pair() {
    marked_.Seal();
    pairs_ = PairParts(before_, after_);
    rows_.resize(pairs_.size());
    known_.resize(pairs_.size());
    for (size_t i = 0; i < pairs_.size(); ++i) {
      const PartPair& pair = pairs_[i];
      rows_[i].change = pair.change;
      const IndexedPart& any = pair.after != kNoPart ? after_[pair.after] : before_[pair.before];
      rows_[i].kind = any.kind;
      if (pair.before != kNoPart) of_before_.emplace(before_[pair.before].address, i);
      if (pair.after != kNoPart) of_after_.emplace(after_[pair.after].address, i);
    }
    before_ = {};
    after_ = {};
  }

  // What is there now: addresses, and the members to compare.
  Status ReadAfter(ByteView document) {
    return EachOf(document, of_after_, [this](const Part& part, size_t row) {
      rows_[row].address = part.address;
      return Know(part, &known_[row]);
    });
  }

  // What was there before: which members differ.
  Status ReadBefore(ByteView document) {
    return EachOf(document, of_before_, [this](const Part& part, size_t row) {
      PartRow& out = rows_[row];
      (out.change == PartChange::kRemoved ? out.address : out.was) = part.address;
      if (out.change == PartChange::kChanged) out.was.clear();
      if (out.change == PartChange::kRemoved && !values_) return Status();
      return Compare(part, row);
    });
  }

  Status ReadValuesAfter(ByteView document) {
    return EachOf(document, of_after_, [this](const Part& part, size_t row) {
      for (const Member& member : part.members) {
        STATEWARD_RETURN_IF_ERROR(TakeValue(part, member, row, false));
      }
      return Status();
    });
  }

  // Those without a counterpart, which ReadBefore did not see.
  void ListAdded() {
    for (size_t i = 0; i < rows_.size(); ++i) {
      if (rows_[i].change == PartChange::kAdded && values_) {
        for (const KnownMember& member : known_[i]) Note(member.name, i);
      }
    }
    known_ = {};
  }

  DocumentDiff Take() && {
    out_.names = std::move(names_).Take();
    for (PartRow& row : rows_) {
      // Only the order or the spelling was another one.
      if (row.change == PartChange::kChanged && row.members.empty()) continue;
      Finish(&row);
      ChangeCounts& counts = row.kind == PartKind::kOutput ? out_.outputs : out_.resources;
      ++(row.change == PartChange::kAdded     ? counts.added
         : row.change == PartChange::kChanged ? counts.changed
         : row.change == PartChange::kRemoved ? counts.removed
                                              : counts.moved);
      out_.rows.push_back(std::move(row));
    }
    std::sort(out_.rows.begin(), out_.rows.end(), [](const PartRow& a, const PartRow& b) {
      return std::tie(a.kind, a.address) < std::tie(b.kind, b.address);
    });
    return std::move(out_);
  }

 private:
  using RowsByAddress = std::map<PartDigest, size_t>;

  static Status EachOf(ByteView document, const RowsByAddress& wanted,
                       const std::function<Status(const Part&, size_t)>& each) {
    DocumentShape shape;
    return EachPart(document, &shape, [&](const Part& part) {
      auto found = wanted.find(AddressDigest(part.kind, part.address));
      return found == wanted.end() ? Status() : each(part, found->second);
    });
  }

  Status Know(const Part& part, std::vector<KnownMember>* out) {
    out->clear();
    out->reserve(part.members.size());
    for (const Member& member : part.members) {
      KnownMember known;
      known.name = names_.Of(member);
      if (known.name == kMaxNames) return {Code::kTooLarge, "too many attributes differ"};
      std::copy_n(member.digest.begin(), known.digest.size(), known.digest.begin());
      out->push_back(known);
    }
    std::sort(out->begin(), out->end());
    return {};
  }

  Status Compare(const Part& part, size_t row) {
    std::vector<KnownMember> before;
    STATEWARD_RETURN_IF_ERROR(Know(part, &before));
    std::vector<KnownMember> differ;
    std::set_symmetric_difference(before.begin(), before.end(), known_[row].begin(),
                                  known_[row].end(), std::back_inserter(differ));
    for (const KnownMember& member : differ) Note(member.name, row);
    known_[row] = {};
    if (!values_) return {};
    for (const Member& member : part.members) {
      STATEWARD_RETURN_IF_ERROR(TakeValue(part, member, row, true));
    }
    return {};
  }

  // Names come in order, so one that differs on both sides comes twice in a row.
  void Note(uint32_t name, size_t row) {
    std::vector<MemberChange>& members = rows_[row].members;
    if (!members.empty() && members.back().name == name) return;
    members.emplace_back();
    members.back().name = name;
  }

  Status TakeValue(const Part& part, const Member& member, size_t row, bool before) {
    std::vector<MemberChange>& members = rows_[row].members;  // in order of the number
    const uint32_t name = names_.Of(member);
    auto change = std::lower_bound(members.begin(), members.end(), name,
                                   [](const MemberChange& a, uint32_t b) { return a.name < b; });
    if (change == members.end() || change->name != name) return {};
    std::string value;
    HiddenBy why = WhyHidden(part, member);
    if (why == HiddenBy::kNothing) value = Compact(member.text);
    if (why == HiddenBy::kNothing && !member.meta && marked_.StandsIn(value)) {
      why = HiddenBy::kMarkElsewhere;
    }
    if (value.size() > kShownValueMax) why = HiddenBy::kSize;
    if (change->hidden == HiddenBy::kNothing) change->hidden = why;
    // What is secret on one side is not shown on the other.
    if (change->hidden != HiddenBy::kNothing) {
      for (std::string* text : {&value, &change->before, &change->after}) {
        WipeMemory(text->data(), text->size());
        text->clear();
      }
      return {};
    }
    shown_ += value.size();
    if (shown_ > kShownTotalMax) {
      return {Code::kTooLarge, "too much differs to show values: ask without them"};
    }
    (before ? change->before : change->after) = std::move(value);
    return {};
  }

  void Finish(PartRow* row) const {
    std::sort(row->members.begin(), row->members.end(),
              [this](const MemberChange& a, const MemberChange& b) {
                return out_.names[a.name] < out_.names[b.name];
              });
  }

  const bool values_;
  DocumentDiff out_;
  std::vector<IndexedPart> before_;
  std::vector<IndexedPart> after_;
  std::vector<PartPair> pairs_;
  RowsByAddress of_before_;
  RowsByAddress of_after_;
  std::vector<PartRow> rows_;                    // of pairs_
  std::vector<std::vector<KnownMember>> known_;  // of pairs_: what is there now
  MarkedTexts marked_;                           // of both documents
  Names names_;
  size_t shown_ = 0;
};

Status With(const OpenDocumentFn& open, const std::function<Status(ByteView)>& work) {
  Result<SecretBytes> document = open();
  return document.ok() ? work(*document) : std::move(document).status();
}

}  // namespace

std::string_view PartChangeName(PartChange change) {
  switch (change) {
    case PartChange::kAdded:
      return "added";
    case PartChange::kChanged:
      return "changed";
    case PartChange::kRemoved:
      return "removed";
    case PartChange::kMoved:
      break;
  }
  return "moved";
}

std::string_view PartKindName(PartKind kind) {
  switch (kind) {
    case PartKind::kResource:
      return "resource";
    case PartKind::kData:
      return "data";
    case PartKind::kOutput:
      break;
  }
  return "output";
}

std::string_view HiddenByText(HiddenBy why) {
  switch (why) {
    case HiddenBy::kNothing:
      return "";
    case HiddenBy::kMark:
      return "marked sensitive";
    case HiddenBy::kMarkElsewhere:
      return "marked sensitive elsewhere";
    case HiddenBy::kName:
      return "named like a secret";
    case HiddenBy::kForm:
      return "holds what looks like a secret";
    case HiddenBy::kPrivate:
      return "private";
    case HiddenBy::kSize:
      break;
  }
  return "too long to show";
}

Result<DocumentDiff> DiffDocuments(const OpenDocumentFn& before, const OpenDocumentFn& after,
                                   bool values) {
  Differ differ(values);
  STATEWARD_RETURN_IF_ERROR(
      With(before, [&](ByteView document) { return differ.Index(document, true); }));
  const auto compare = [&differ](ByteView document) -> Status {
    STATEWARD_RETURN_IF_ERROR(differ.Index(document, false));
    if (!differ.readable()) return Status();
    differ.Pair();
    return differ.differs() ? differ.ReadAfter(document) : Status();
  };
  STATEWARD_RETURN_IF_ERROR(With(after, compare));
  if (!differ.readable() || !differ.differs()) return std::move(differ).Take();
  STATEWARD_RETURN_IF_ERROR(
      With(before, [&](ByteView document) { return differ.ReadBefore(document); }));
  differ.ListAdded();
  if (values) {
    STATEWARD_RETURN_IF_ERROR(
        With(after, [&](ByteView document) { return differ.ReadValuesAfter(document); }));
  }
  return std::move(differ).Take();
}

}  // namespace stateward
