#include "audit/ocsf.h"

#include "unit/audit/trail_fixture.h"

namespace stateward {

TEST_GROUP(Ocsf) {
  TrailFixture trail;

  std::string Of(const AuditEvent& event, std::string_view kind = kAuditDone) {
    AuditHead head{"0123456789abcdef", 9, {}};
    const std::string line = ChainLine(trail.key, AuditFields(kind, event), &head);
    return ToOcsf(trail.Parse(line.substr(0, line.size() - 1)), line);
  }
};

TEST(Ocsf, AnEventOfAState) {
  STRCMP_CONTAINS(R"("resources":[{"name":"net/prod","type":"Terraform state"}])",
                  Of(TrailFixture::Event("write")).c_str());
}

// A collector is told of a backup, of a maintenance and of a copy of the whole store.
TEST(Ocsf, AnEventOfTheStoreAsAWhole) {
  AuditEvent event = TrailFixture::Event("backup");
  event.project.clear();
  event.name.clear();
  const std::string text = Of(event);
  STRCMP_CONTAINS(R"("activity_name":"backup")", text.c_str());
  STRCMP_CONTAINS(R"("resources":[{"name":"store","type":"Stateward store"}])", text.c_str());
}

TEST(Ocsf, WhatATrailSaysOfItselfIsNone) {
  STRCMP_EQUAL("", Of(TrailFixture::Event("write"), kAuditIntends).c_str());
}

}  // namespace stateward
