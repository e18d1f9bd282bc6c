// Records in and out, whatever their kind, order, split and padding.
#include <CppUTest/TestHarness.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "doubles/fcgi_peer.h"
#include "fcgi/libfcgi_bridge.h"
#include "fcgi/records_in.h"
#include "fcgi/records_out.h"

namespace stateward {
namespace {

struct Heard {
  std::string params;
  std::string body;
  bool head = false;
  bool ended = false;
  bool bad = false;
};

// Gives the bytes in pieces of that size.
Heard Hear(const std::string& bytes, size_t piece) {
  Heard heard;
  RecordsIn records;
  for (size_t at = 0; at < bytes.size() && !heard.bad; at += piece) {
    ByteView in = ByteView(bytes).Sub(at, std::min(piece, bytes.size() - at));
    while (!in.empty() && !heard.bad) {
      RecordsIn::Step step = records.Next(&in);
      if (step.kind == RecordsIn::Kind::kParams) heard.params += step.bytes.AsString();
      if (step.kind == RecordsIn::Kind::kBody) heard.body += step.bytes.AsString();
      if (step.kind == RecordsIn::Kind::kHeadEnd) heard.head = true;
      if (step.kind == RecordsIn::Kind::kEnd) heard.ended = true;
      if (step.kind == RecordsIn::Kind::kBad) heard.bad = true;
    }
  }
  return heard;
}

bool IsBad(const std::string& bytes) {
  bool whole = Hear(bytes, bytes.size()).bad;
  CHECK_EQUAL(whole, Hear(bytes, 1).bad);
  return whole;
}

const std::string kHead = HeadOf("POST", "5");
const std::string kStop = Record(kPeerStdin, "");

}  // namespace

TEST_GROUP(RecordsIn){};

TEST(RecordsIn, EverySplitIsTheSame) {
  const std::string params = Pair("REQUEST_METHOD", "POST") + Pair("X", std::string(100, 'y'));
  const std::string bytes = BeginRecord() + Record(kPeerParams, params.substr(0, 7), 1, 3) +
                            Record(kPeerParams, params.substr(7), 1, 5) +
                            Record(kPeerParams, "", 1, 8) + Record(kPeerStdin, "he", 1, 6) +
                            Record(kPeerStdin, "llo") + Record(kPeerStdin, "", 1, 2);
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    const Heard heard = Hear(bytes, piece);
    CHECK(heard.head && heard.ended && !heard.bad);
    CHECK(heard.params == params);
    CHECK(heard.body == "hello");
  }
}

TEST(RecordsIn, LargestRecordsPass) {
  const std::string big(65535, 'x');
  const std::string bytes =
      kHead + Record(kPeerStdin, big, 1, static_cast<char>(255)) + Record(kPeerStdin, big) + kStop;
  for (size_t piece : {size_t{1}, size_t{4096}, size_t{65543}, bytes.size()}) {
    const Heard heard = Hear(bytes, piece);
    CHECK(heard.ended && !heard.bad);
    LONGS_EQUAL(2 * 65535, heard.body.size());
  }
}

TEST(RecordsIn, NothingElsePasses) {
  const std::string attack = Record(kPeerGetValues, Pair("FCGI_MAX_CONNS", ""), 0);
  CHECK_FALSE(IsBad(kHead + Record(kPeerStdin, "hello") + kStop));
  for (const std::string& before :
       {std::string(), BeginRecord(), BeginRecord() + Record(kPeerParams, Pair("A", "b")), kHead,
        kHead + Record(kPeerStdin, "he"), kHead + Record(kPeerStdin, "hello")}) {
    CHECK(IsBad(before + attack));
    CHECK(IsBad(before + Record(2, "")));                             // ABORT_REQUEST
    CHECK(IsBad(before + Record(8, "data")));                         // DATA
    CHECK(IsBad(before + Record(kPeerStdout, "x")));                  // only ours
    CHECK(IsBad(before + Record(99, "")));                            // unknown
    CHECK(IsBad(before + "\2" + kStop.substr(1)));                    // version
    CHECK(IsBad(before + Record(kPeerStdin, "x", 7)));                // foreign id
    CHECK(IsBad(before + Record(kPeerBegin, std::string(7, '\0'))));  // its length lies
  }
  CHECK(IsBad(kHead + kStop + kHead));  // behind the request
  CHECK(IsBad(BeginRecord() + Record(kPeerParams, "\x05") +
              Record(kPeerParams, "")));                                 // within a pair
  CHECK(IsBad(Record(kPeerBegin, std::string("\0\2\1\0\0\0\0\0", 8))));  // another role
}

TEST(RecordsIn, ParametersAreBounded) {
  std::string many;
  for (int i = 0; i < 257; ++i) many += Pair("N", "v");
  CHECK(IsBad(BeginRecord() + Record(kPeerParams, many)));
  const std::string big(65535, 'x');
  CHECK(IsBad(BeginRecord() + Record(kPeerParams, std::string("\x01\x80\1\0\0", 5) + "N" + big)));
  std::string tiny = BeginRecord();
  for (size_t i = 0; i <= kMaxParamRecords; ++i) tiny += Record(kPeerParams, "\1");
  CHECK(IsBad(tiny));
}

TEST_GROUP(LibfcgiBridge){void setup() override{CHECK(InitFcgiLibrary().ok());
}  // namespace stateward
}
;

// It fails when libfcgi's own OS_Read is asked: nothing can be read from its descriptor.
TEST(LibfcgiBridge, ReadsFromMemory) {
  std::string params = Pair("REQUEST_METHOD", "LOCK") + Pair("REQUEST_URI", "/state/p/n?ID=1") +
                       Pair("CONTENT_LENGTH", "12") + Pair("STATEWARD_USER", "anna") +
                       Pair("REQUEST_ID", std::string(32, 'a'));
  Result<Request> request = ParseParams(params, true);
  CHECK(request.ok());
  CHECK(request->method == Method::kLock);
  STRCMP_EQUAL("/state/p/n?ID=1", request->target.c_str());
  LONGS_EQUAL(12, *request->content_length);
  STRCMP_EQUAL("anna", request->proxy_user.c_str());
  STRCMP_EQUAL(std::string(32, 'a').c_str(), request->request_id.c_str());
  STRCMP_EQUAL("", ParseParams(params, false)->proxy_user.c_str());
}

TEST(LibfcgiBridge, LargestParameterStream) {
  for (size_t size : {size_t{65527}, size_t{65528}, size_t{65529}, kMaxParamBytes}) {
    std::string params = Pair("REQUEST_METHOD", "GET") + Pair("REQUEST_URI", "/x");
    const size_t value = size - params.size() - 6;
    params += std::string("\x01\x80", 2) + static_cast<char>(value >> 16) +
              static_cast<char>(value >> 8 & 0xff) + static_cast<char>(value & 0xff) + "Z" +
              std::string(value, 'z');
    LONGS_EQUAL(size, params.size());
    Result<Request> request = ParseParams(params, false);
    CHECK(request.ok());
    STRCMP_EQUAL("/x", request->target.c_str());
  }
}

TEST(LibfcgiBridge, WithoutMethodOrTargetItIsNoRequest) {
  CHECK_FALSE(ParseParams({}, false).ok());
  CHECK_FALSE(ParseParams(Pair("REQUEST_METHOD", "GET"), false).ok());
  CHECK_FALSE(ParseParams(Pair("REQUEST_URI", "/x"), false).ok());
  CHECK_FALSE(ParseParams(Pair("REQUEST_METHOD", "GET") + Pair("REQUEST_URI", "/x") +
                              Pair("CONTENT_LENGTH", "-1"),
                          false)
                  .ok());
}

TEST(LibfcgiBridge, TheFirstOfANameCountsAndNoOther) {
  const std::string params =
      Pair("REQUEST_METHOD", "GET") + Pair("REQUEST_METHOD", "POST") + Pair("REQUEST_URI", "/a=b") +
      Pair("HTTP_HOS", "too short") + Pair("HTTP_HOSTS", "too long") + Pair("http_host", "small") +
      Pair("CONTENT_TYPE", "") + Pair("STATEWARD_USER", "ann") + Pair("REQUEST_URI", "/c");
  Result<Request> request = ParseParams(params, true);
  CHECK(request.ok());
  CHECK(request->method == Method::kGet);
  STRCMP_EQUAL("/a=b", request->target.c_str());
  STRCMP_EQUAL("", request->host.c_str());
  STRCMP_EQUAL("", request->content_type.c_str());
  STRCMP_EQUAL("ann", request->proxy_user.c_str());
  STRCMP_EQUAL("", ParseParams(params, false)->proxy_user.c_str());
}

TEST_GROUP(RecordsOut){};

// Through a socket that takes little at a time: what comes out is the stream, whole.
TEST(RecordsOut, PartialWritesLoseNothing) {
  for (size_t size : {size_t{0}, size_t{1}, size_t{65000}, size_t{65528}, size_t{3000000}}) {
    int pair[2];
    LONGS_EQUAL(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    int small = 4096;
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    SecretBytes document(size);
    for (size_t i = 0; i < size; ++i) document[i] = static_cast<uint8_t>(i * 7 + i / 256);
    const std::string want = "head\r\n\r\n" + std::string(ByteView(document).AsString());
    RecordsOut out;
    out.Start(1, "head\r\n\r\n", document);
    out.End();
    std::string wire;
    size_t taken = 0;
    for (bool done = false; !done;) {
      done = out.Write(pair[0], &taken) == RecordsOut::Result::kDone;
      char some[3001];
      for (ssize_t n = 0; (n = recv(pair[1], some, sizeof some, MSG_DONTWAIT)) > 0;) {
        wire.append(some, static_cast<size_t>(n));
        if (!done) break;
      }
    }
    LONGS_EQUAL(wire.size(), taken);
    std::string stream;
    bool ended = false;
    for (size_t at = 0; at < wire.size();) {
      const auto byte = [&](size_t i) {
        return static_cast<size_t>(static_cast<uint8_t>(wire[at + i]));
      };
      const size_t length = byte(4) << 8 | byte(5);
      if (byte(1) == static_cast<size_t>(kPeerStdout)) stream += wire.substr(at + 8, length);
      ended = byte(1) == static_cast<size_t>(kPeerEnd);
      at += 8 + length + byte(6);
    }
    CHECK(ended);
    CHECK(stream == want);
    close(pair[0]);
    close(pair[1]);
  }
}

}  // namespace stateward
