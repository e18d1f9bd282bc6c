// What Transit wrapped or encrypted opens with its exported keys, without Vault.
#include "kms/exported_keys.h"

#include <CppUTest/TestHarness.h>

#include "base/random.h"
#include "conformance/kms_cases.h"
#include "doubles/original_blobs.h"
#include "kms/bound_key.h"
#include "kms/envelope.h"
#include "kms/key_text.h"
#include "kms/open_kms.h"
#include "kms/transit_keys.h"

namespace stateward {
namespace {

using kms_cases::CheckCode;
using kms_cases::CheckOpens;
using kms_cases::InfoOf;
using kms_cases::kSmall;
using kms_cases::Where;

}  // namespace

TEST_GROUP(ExportedKeys) {
  std::shared_ptr<const Suite> suite = *Suite::Load();
  SecretString first = NewKeyText(), second = NewKeyText();
  Bytes record;  // wrapped by the second version

  void setup() override {
    SecretBytes data_key(kKeyBytes);
    FillRandom(data_key.data(), data_key.size());
    const std::string wrapped =
        TransitText(*suite, *ParseKey(second.Reveal()), 2, *BindKey(data_key, Where()));
    const MessageKey key{TransitKeys::IdOf("states"), data_key,
                         Bytes(wrapped.begin(), wrapped.end())};
    record = *SealEnvelope(*suite, key, MessageId{}, Where(), InfoOf(kSmall), kSmall);
  }
  static KmsSettings Exported(std::string_view keys) {
    KmsSettings settings;
    settings.only_opens = true;
    settings.transit_exported = SecretString(keys);
    return settings;
  }
  KmsSettings Both() {
    return Exported(std::string(first.Reveal()) + "\n" + std::string(second.Reveal()));
  }
};

TEST(ExportedKeys, OpenRecordsAndWholeStates) {
  std::unique_ptr<Kms> kms = *OpenKms(Both());
  CheckOpens(*kms, Where(), record, kSmall);
  CheckCode(Code::kInvalidArgument, kms->Seal(Where(), InfoOf(kSmall), kSmall));
  const std::string state = "{\"version\":4}";
  const std::string whole = TransitText(*suite, *ParseKey(first.Reveal()), 1, state);
  CHECK(ByteView(*kms->OpenLegacy(whole)) == ByteView(state));
  CheckCode(Code::kCorruption, kms->OpenLegacy(std::string_view("vault:v1:QUJD")));
  CheckCode(Code::kUnknownKey, kms->OpenLegacy(std::string_view("vault:v1:A")));
  // The settings may still name a Vault that is gone.
  KmsSettings gone = Both();
  gone.backend = "transit";
  gone.transit_engine = "transit";
  gone.transit_key = "states";
  CheckOpens(**OpenKms(gone), Where(), record, kSmall);
}

TEST(ExportedKeys, AKeyOfAnotherVersionIsUnknown) {
  std::unique_ptr<Kms> kms = *OpenKms(Exported(first.Reveal()));
  Result<Opened> opened = kms->Open(Where(), record);
  CheckCode(Code::kUnknownKey, opened);
  STRCMP_CONTAINS("unknown", opened.status().detail().c_str());
}

TEST(ExportedKeys, BesideALocalKeyTheyOpenAndItSeals) {
  KmsSettings settings = Both();
  settings.only_opens = false;
  CheckCode(Code::kInvalidArgument, OpenKms(settings));  // nothing to seal with
  settings.key = NewKeyText();
  std::unique_ptr<Kms> kms = *OpenKms(settings);
  CheckOpens(*kms, Where(), record, kSmall);
  CheckOpens(*kms, Where(), kms_cases::MustSeal(*kms, Where(), kSmall), kSmall);
  CheckCode(Code::kInvalidArgument, OpenKms(Exported("")));
}

}  // namespace stateward
