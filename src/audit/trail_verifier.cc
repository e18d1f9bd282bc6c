#include "audit/trail_verifier.h"

#include <utility>

#include "stateward/secret.h"

namespace stateward {
namespace {

std::string Number(uint64_t n) { return std::to_string(n); }

OpenIntent IntentOf(const AuditLine& line, const std::string& file, uint64_t number) {
  OpenIntent intent;
  intent.file = file;
  intent.line = number;
  intent.head = line.head;
  intent.time = line.json.String("time").value_or("");
  intent.principal = line.json.String("principal").value_or("");
  intent.action = line.json.String("action").value_or("");
  intent.state = line.json.String("state").value_or("");
  return intent;
}

}  // namespace

void TrailVerifier::Know(KnownHead known) {
  if (known.head.chain.empty()) return;
  const uint64_t sequence = known.head.sequence;
  known_[known.head.chain].emplace(sequence, std::move(known));
}

void TrailVerifier::BeginFile(std::string name) {
  if (no_line_) FaultAt(no_line_->file, no_line_->line, no_line_->what);
  no_line_.reset();
  file_ = std::move(name);
  line_ = 0;
}

void TrailVerifier::FaultAt(const std::string& file, uint64_t line, std::string what) {
  ++report_.fault_count;
  if (report_.faults.size() >= kMaxFaults) return;
  report_.faults.push_back({file, line, std::move(what)});
}

void TrailVerifier::Fault(std::string what) { FaultAt(file_, line_, std::move(what)); }

// What it was cannot be known, but it stands in the place of one line of the chain at hand.
void TrailVerifier::Unreadable(bool changed) {
  if (changed) {
    Fault("changed: it is not what was written");
    auto chain = chains_.find(current_);
    if (chain == chains_.end()) return;
    ++chain->second.summary.last;
    chain->second.mac.reset();
    return;
  }
  if (no_line_) FaultAt(no_line_->file, no_line_->line, no_line_->what);
  no_line_ = TrailFault{file_, line_, "no line of an audit trail"};
}

void TrailVerifier::Line(std::string_view text, bool whole) {
  ++line_;
  Result<AuditLine> line = ReadAuditLine(key_, text);
  if (!line.ok() || !whole) {
    Unreadable(!line.ok() && line.status().code() == Code::kCorruption);
    return;
  }
  if (no_line_ && line->kind != kAuditTorn) {
    FaultAt(no_line_->file, no_line_->line, no_line_->what);
  }
  no_line_.reset();
  current_ = line->head.chain;
  Chain& chain = chains_[current_];
  CheckPlace(*line, &chain);
  OpenIntent intent;
  const bool intends = line->kind == kAuditIntends;
  if (intends) intent = IntentOf(*line, file_, line_);
  CheckKnown(*line, intends ? &intent : nullptr);
  if (intends) chain.open.emplace(line->head.sequence, std::move(intent));
  if (std::optional<uint64_t> done = line->json.Uint("intent")) chain.open.erase(*done);
}

void TrailVerifier::CheckPlace(const AuditLine& line, Chain* chain) {
  ChainSummary& seen = chain->summary;
  const uint64_t sequence = line.head.sequence;
  ++seen.lines;
  if (seen.lines == 1) {
    seen.first = sequence;
  } else if (sequence <= seen.last) {
    Fault("line " + Number(sequence) + " of the chain stands behind line " + Number(seen.last) +
          ": moved, or there twice");
    return;  // what follows is compared with what was there before it
  } else if (sequence > seen.last + 1) {
    const std::string first = Number(seen.last + 1);
    const std::string last = Number(sequence - 1);
    Fault((first == last ? "line " + first + " of the chain is"
                         : "lines " + first + " to " + last + " of the chain are") +
          " missing before it");
  } else if (chain->mac && !EqualInConstantTime(*chain->mac, line.prev)) {
    Fault("it does not follow the line before it");
  }
  seen.last = sequence;
  chain->mac = line.head.mac;
}

void TrailVerifier::CheckKnown(const AuditLine& line, OpenIntent* intent) {
  auto chain = known_.find(line.head.chain);
  if (chain == known_.end()) return;
  const auto [from, to] = chain->second.equal_range(line.head.sequence);
  for (auto it = from; it != to; ++it) {
    const KnownHead& known = it->second;
    if (known.has_mac && !EqualInConstantTime(known.head.mac, line.head.mac)) {
      Fault("another line than the one that " + known.where + " names");
      continue;
    }
    ++report_.known_checked;
    // Where changes do not wait for their lines, a record names one that may be of anything.
    if (intent != nullptr && known.state == intent->state) intent->took_effect = known.where;
  }
  chain->second.erase(from, to);
}

// What is left of the known heads has no line.
void TrailVerifier::FinishKnown() {
  for (const auto& [id, heads] : known_) {
    auto found = chains_.find(id);
    uint64_t last = 0;
    std::string where;
    for (const auto& [sequence, known] : heads) {
      const bool before = found != chains_.end() && sequence < found->second.summary.first;
      if (before) {
        ++report_.known_before;
        continue;
      }
      last = sequence;
      where = known.where;
    }
    if (last == 0) continue;
    const std::string tail = " names line " + Number(last) + " of chain " + id;
    if (found == chains_.end()) {
      FaultAt("", 0, where + tail + ", of which there is no line");
    } else if (last > found->second.summary.last) {
      FaultAt("", 0,
              "the end is cut off: " + where + tail + ", which ends with line " +
                  Number(found->second.summary.last));
    }  // else it is among the missing ones
  }
}

TrailReport TrailVerifier::Finish() {
  if (no_line_) FaultAt(no_line_->file, no_line_->line, no_line_->what);
  FinishKnown();
  for (auto& [id, chain] : chains_) {
    report_.chains[id] = chain.summary;
    for (auto& [sequence, intent] : chain.open) report_.open.push_back(std::move(intent));
  }
  return std::move(report_);
}

}  // namespace stateward
