#include "document/document_diff.h"

#include <CppUTest/TestHarness.h>

#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "document/document_parts.h"
#include "document/secret_names.h"

namespace stateward {
namespace {

std::string FileText(const std::string& name) {
  std::ifstream in("tests/data/documents/" + name);
  std::stringstream text;
  text << in.rdbuf();
  CHECK(!text.str().empty());
  return text.str();
}

OpenDocumentFn Opens(const std::string& document) {
  return
      [document]() -> Result<SecretBytes> { return SecretBytes(document.begin(), document.end()); };
}

std::string Line(const DocumentDiff& diff, const PartRow& row) {
  std::string out(PartChangeName(row.change));
  out += " " + std::string(PartKindName(row.kind)) + " " + row.address;
  if (!row.was.empty()) out += " was " + row.was;
  for (const MemberChange& member : row.members) {
    out += " | " + diff.names[member.name];
    if (!member.before.empty() || !member.after.empty()) {
      out += " " + member.before + " -> " + member.after;
    }
    if (member.hidden != HiddenBy::kNothing) {
      out += " <" + std::string(HiddenByText(member.hidden)) + ">";
    }
  }
  return out + "\n";
}

std::string Compare(const std::string& before, const std::string& after, bool values = false) {
  Result<DocumentDiff> diff = DiffDocuments(Opens(before), Opens(after), values);
  if (!diff.ok()) {
    return std::string(CodeName(diff.status().code())) + ": " + diff.status().detail();
  }
  if (diff->form == DocumentForm::kEncrypted) return "encrypted";
  if (diff->form == DocumentForm::kOther) return "another form";
  std::string out;
  for (const PartRow& row : diff->rows) out += Line(*diff, row);
  return out;
}

std::string State(const std::string& resources, const std::string& outputs = "") {
  return R"({"version":4,"terraform_version":"1.9","serial":3,"lineage":"L","outputs":{)" +
         outputs + R"(},"resources":[)" + resources + "]}";
}

// A managed resource with one instance.
std::string Resource(const std::string& type, const std::string& name,
                     const std::string& attributes, const std::string& rest = "") {
  return R"({"mode":"managed","type":")" + type + R"(","name":")" + name +
         R"(","provider":"p","instances":[{"attributes":{)" + attributes + "}" + rest + "}]}";
}

// As Terraform and OpenTofu write the same to a server: indented or not, `<` escaped or not.
std::string Squeezed(const std::string& json) {
  std::string out;
  bool in_text = false;
  for (size_t i = 0; i < json.size(); ++i) {
    if (in_text && json[i] == '\\') {
      out += json.substr(i++, 2);
      continue;
    }
    if (json[i] == '"') in_text = !in_text;
    if (in_text || (json[i] != ' ' && json[i] != '\n')) out.push_back(json[i]);
  }
  return out;
}

}  // namespace

TEST_GROUP(DocumentDiff){};

TEST(DocumentDiff, OfTwoDocumentsThatTofuWrote) {
  STRCMP_EQUAL(
      "added resource terraform_data.db[\"spare\"]\n"
      "moved resource terraform_data.signin was terraform_data.login | input | output\n"
      "changed resource terraform_data.web[0] | input | output\n"
      "removed resource terraform_data.web[1]\n"
      "changed output login | value\n"
      "changed output sizes | type | value\n",
      Compare(FileText("applied.json"), FileText("changed.json")).c_str());
}

TEST(DocumentDiff, OnlyWhatIsNoSecretShows) {
  const std::string text = Compare(FileText("applied.json"), FileText("changed.json"), true);
  for (const char* secret : {"hunter2hunter2", "correct horse"}) {
    CHECK(text.find(secret) == std::string::npos);
  }
  // The output repeats the input, which is marked.
  CHECK(text.find("was terraform_data.login | input <marked sensitive> | "
                  "output <marked sensitive elsewhere>") != std::string::npos);
  CHECK(text.find(R"(| input {"value":{"size":"small","zone":"a"},)") != std::string::npos);
  CHECK(text.find("output login | value <marked sensitive>") != std::string::npos);
  CHECK(text.find(R"(| value ["small","small"] -> ["small"])") != std::string::npos);
}

TEST(DocumentDiff, TheSpellingDoesNotCount) {
  const std::string document = FileText("applied.json");
  STRCMP_EQUAL("", Compare(document, document).c_str());
  STRCMP_EQUAL("", Compare(document, Squeezed(document)).c_str());
  STRCMP_EQUAL("", Compare(State(Resource("t", "a", R"("x":"<\u0061>")")),
                           State(Resource("t", "a", R"("x" : "\u003ca>")")))
                       .c_str());
  // The order of what stands in a resource does not, either.
  STRCMP_EQUAL("", Compare(State(R"({"mode":"managed","type":"t","name":"a","instances":[{}]})"),
                           State(R"({"instances":[{}],"name":"a","type":"t","mode":"managed"})"))
                       .c_str());
}

TEST(DocumentDiff, ALongValueIsComparedToItsEnd) {
  const std::string big(300000, 'x');
  STRCMP_EQUAL("changed resource t.a | x\n",
               Compare(State(Resource("t", "a", R"("x":[")" + big + R"(",1])")),
                       State(Resource("t", "a", R"("x":[")" + big + R"(",2])")))
                   .c_str());
  STRCMP_EQUAL("changed resource t.a | x <too long to show>\n",
               Compare(State(Resource("t", "a", R"("x":1)")),
                       State(Resource("t", "a", R"("x":")" + big + "\"")), true)
                   .c_str());
}

TEST(DocumentDiff, WhatIsNoAttributeStandsInBrackets) {
  STRCMP_EQUAL(
      "changed resource t.a | (private) <private> | (status)  -> \"tainted\"\n",
      Compare(State(Resource("t", "a", "", R"(,"private":"AAAA")")),
              State(Resource("t", "a", "", R"(,"private":"BBBB","status":"tainted")")), true)
          .c_str());
}

TEST(DocumentDiff, Addresses) {
  const std::string instances =
      R"({"module":"module.n[\"k\"]","mode":"data","type":"t","name":"a","instances":[)"
      R"({"index_key":"x\"y"},{"index_key":3},{"deposed":"00ff"},{}]})";
  STRCMP_EQUAL(
      "removed data module.n[\"k\"].data.t.a\n"
      "removed data module.n[\"k\"].data.t.a (deposed 00ff)\n"
      "removed data module.n[\"k\"].data.t.a[\"x\\\"y\"]\n"
      "removed data module.n[\"k\"].data.t.a[3]\n",
      Compare(State(instances), State("")).c_str());
}

TEST(DocumentDiff, MovedOnesHaveTheirIdOrAllTheirAttributes) {
  const std::string a = Resource("t", "a", R"("id":"i-1","x":1)");
  STRCMP_EQUAL("moved resource t.b was t.a | x\n",
               Compare(State(a), State(Resource("t", "b", R"("id":"i-1","x":2)"))).c_str());
  // Another type, another id, an id that says nothing.
  STRCMP_EQUAL("removed resource t.a\nadded resource u.a\n",
               Compare(State(a), State(Resource("u", "a", R"("id":"i-1","x":1)"))).c_str());
  STRCMP_EQUAL("removed resource t.a\nadded resource t.b\n",
               Compare(State(a), State(Resource("t", "b", R"("id":"i-2","x":1)"))).c_str());
  STRCMP_EQUAL("removed resource t.a\nadded resource t.b\n",
               Compare(State(Resource("t", "a", R"("id":"none","x":1)")),
                       State(Resource("t", "b", R"("id":"none","x":2)")))
                   .c_str());
  STRCMP_EQUAL("moved resource t.b was t.a\n",
               Compare(State(Resource("t", "a", R"("id":"none","x":1)")),
                       State(Resource("t", "b", R"("id":"none","x":1)")))
                   .c_str());
  // Two that could be it: nobody knows which.
  STRCMP_EQUAL("removed resource t.a\nadded resource t.b\nadded resource t.c\n",
               Compare(State(a), State(Resource("t", "b", R"("id":"i-1")") + "," +
                                       Resource("t", "c", R"("id":"i-1")")))
                   .c_str());
}

TEST(DocumentDiff, SecretsByNameFormAndType) {
  const auto shown = [](const std::string& type, const std::string& attribute) {
    return Compare(State(Resource(type, "a", attribute + "1\"")),
                   State(Resource(type, "a", attribute + "2\"")), true);
  };
  for (const char* attribute : {R"("db_password":")", R"("masterPassword":")", R"("secret_id":")",
                                R"("api-key":")", R"("key":")", R"("user_data":")"}) {
    STRCMP_CONTAINS("named like a secret", shown("t", attribute).c_str());
  }
  for (const char* attribute :
       {R"("url":"postgres://u:p@h/)", R"("pem":"-----BEGIN RSA PRIVATE KEY-----)",
        R"("x":"eyJhbGciOiJIUzI1NiJ9.)"}) {
    CHECK(shown("t", attribute).find("looks like a secret") != std::string::npos);
  }
  CHECK(shown("random_password", R"("result":")").find("named like") != std::string::npos);
  CHECK(shown("t", R"("private_ip":"10.0.0.)").find(R"("10.0.0.1" -> "10.0.0.2")") !=
        std::string::npos);
  CHECK(!IsAddressOfSecret("aws_route53_records.names"));
  CHECK(IsAddressOfSecret("module.api_tokens.t.a"));
}

TEST(DocumentDiff, AKeyWithinAValueHidesIt) {
  const std::string text = Compare(State(Resource("t", "a", R"("env":{"DB_PASSWORD":"a"})")),
                                   State(Resource("t", "a", R"("env":{"DB_PASSWORD":"b"})")), true);
  STRCMP_EQUAL("changed resource t.a | env <holds what looks like a secret>\n", text.c_str());
}

TEST(DocumentDiff, AMarkOnOneSideHidesBoth) {
  const std::string marked = R"(,"sensitive_attributes":[[{"type":"get_attr","value":"x"}]])";
  const std::string odd = R"(,"sensitive_attributes":["x"])";
  for (const std::string& marks : {marked, odd}) {
    for (bool before : {true, false}) {
      const std::string a = State(Resource("t", "a", R"("x":"s1")", before ? marks : ""));
      const std::string b = State(Resource("t", "a", R"("x":"s2")", before ? "" : marks));
      const std::string text = Compare(a, b, true);
      CHECK(text.find("x <marked sensitive>") != std::string::npos);
      CHECK(text.find("s1") == std::string::npos && text.find("s2") == std::string::npos);
    }
  }
}

TEST(DocumentDiff, WhatCannotBeComparedSaysSo) {
  const std::string encrypted =
      R"({"serial":2,"lineage":"L","meta":{},"encrypted_data":"AA","encryption_version":"v0"})";
  STRCMP_EQUAL("encrypted", Compare(State(""), encrypted).c_str());
  STRCMP_EQUAL("encrypted", Compare(encrypted, encrypted).c_str());
  STRCMP_EQUAL("another form",
               Compare(State(""), R"({"version":3,"serial":1,"lineage":"","modules":[]})").c_str());
}

TEST(DocumentDiff, WhatIsMalformedIsRefused) {
  const std::string good = State("");
  for (const char* resources :
       {"1", "[]", R"({"instances":[1]})", R"({"instances":{}})", R"({"type":1})",
        R"({"type":"a","type":"b"})", R"({"instances":[{"attributes":[]}]})",
        R"({"instances":[{"attributes":{},"attributes":{}}]})",
        R"({"instances":[{"index_key":[]}]})", R"({"instances":[{},{}]})"}) {
    STRCMP_CONTAINS("conflict: the document is not clear", Compare(good, State(resources)).c_str());
  }
  STRCMP_CONTAINS("invalid_argument", Compare(good, good.substr(0, good.size() - 1)).c_str());
  STRCMP_CONTAINS("invalid_argument", Compare("[]", good).c_str());
}

TEST(DocumentDiff, Counts) {
  DocumentCounts counts;
  CHECK(CountParts(FileText("applied.json"), &counts).ok());
  LONGS_EQUAL(7, counts.resources);
  LONGS_EQUAL(3, counts.outputs);
  Result<DocumentDiff> diff =
      DiffDocuments(Opens(FileText("applied.json")), Opens(FileText("changed.json")), false);
  CHECK(diff.ok());
  LONGS_EQUAL(1, diff->resources.added);
  LONGS_EQUAL(1, diff->resources.changed);
  LONGS_EQUAL(1, diff->resources.removed);
  LONGS_EQUAL(1, diff->resources.moved);
  LONGS_EQUAL(2, diff->outputs.changed);
}

}  // namespace stateward
