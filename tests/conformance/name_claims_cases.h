// Cases of storage_cases.h: the original's blobs and claims.
#ifndef STATEWARD_TESTS_CONFORMANCE_NAME_CLAIMS_CASES_H_
#define STATEWARD_TESTS_CONFORMANCE_NAME_CLAIMS_CASES_H_

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "conformance/storage_fixture.h"

namespace stateward {
namespace storage_cases {

inline void LegacyBlobsAreRead(StorageFixture& f) {
  const std::string blob = Noise(5000);
  f.PutLegacy(LegacyId(), blob);
  std::shared_ptr<Storage> s = Fresh(f);  // the original's data is no stranger
  CHECK(ByteView(Must(s->GetLegacy(LegacyId()))) == ByteView(blob));
  Is(Code::kNotFound, s->GetLegacy(std::string(64, 'f')));
  LONGS_EQUAL(0, Must(s->Count()));
}

// "id+" for a claimed blob, "id-" for an untouched one.
inline std::set<std::string> LegacyListing(Storage& s) {
  std::set<std::string> listing;
  Good(s.ListLegacy([&](const NameClaims::LegacyBlob& blob) {
    listing.insert(blob.legacy_id + (blob.claimed ? "+" : "-"));
    return true;
  }));
  return listing;
}

inline void LegacyBlobsAreListed(StorageFixture& f) {
  std::set<std::string> want;
  CHECK(LegacyListing(*Fresh(f)) == want);
  const std::string other(64, 'c');
  f.PutLegacy(LegacyId(), Noise(50));
  f.PutLegacy(other, Noise(60));
  f.PutLegacy("readme", "not the original's");
  std::shared_ptr<Storage> s = f.Open();
  want = {LegacyId() + "-", other + "-"};
  CHECK(LegacyListing(*s) == want);
  Must(s->ClaimLegacy(other, Id()));
  Must(s->ClaimLegacy(std::string(64, 'd'), Id()));  // a claim without a blob
  Put(*s, Id(), 0, std::string("x"));
  want = {LegacyId() + "-", other + "+"};
  CHECK(LegacyListing(*s) == want);
  int seen = 0;
  Good(s->ListLegacy([&](const NameClaims::LegacyBlob&) { return ++seen < 1; }));
  LONGS_EQUAL(1, seen);
}

inline void LegacyIdsAreClaimedOnce(StorageFixture& f) {
  const std::shared_ptr<Storage> instances[] = {Fresh(f), f.Open()};
  CHECK_FALSE(Must(instances[0]->LegacyClaim(LegacyId())).has_value());
  std::vector<std::string> said(8);
  InThreads(said.size(), [&](size_t t) {
    const StateId mine = IdOf("s" + std::to_string(t));
    const Result<StateId> claimant =
        AskAgain([&] { return instances[t % 2]->ClaimLegacy(LegacyId(), mine); });
    if (claimant.ok()) said[t] = claimant->hex();
  });
  const std::optional<StateId> claimant = Must(f.Open()->LegacyClaim(LegacyId()));
  CHECK(claimant.has_value());
  for (const std::string& each : said) STRCMP_EQUAL(claimant->hex().c_str(), each.c_str());
  CHECK(Must(instances[0]->ClaimLegacy(LegacyId(), Id())) == *claimant);
  CHECK_FALSE(Must(instances[0]->LegacyClaim(std::string(64, 'f'))).has_value());
}

}  // namespace storage_cases
}  // namespace stateward

#endif  // STATEWARD_TESTS_CONFORMANCE_NAME_CLAIMS_CASES_H_
