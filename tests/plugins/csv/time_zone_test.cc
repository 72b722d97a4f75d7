#include "plugins/csv/time_zone.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

using namespace btb::csv;

namespace {

std::string number(int64_t value, size_t bytes) {
  std::string out;
  for (size_t i = bytes; i-- > 0;)
    out += static_cast<char>(static_cast<uint64_t>(value) >> (8 * i) & 0xFF);
  return out;
}

// A zone file: times of changes with the index of what holds from there on, what there is (offset,
// place of its name), the names, and the rule behind the table.
struct Made {
  std::vector<std::pair<int64_t, uint8_t>> changes;
  std::vector<std::pair<int32_t, uint8_t>> locals;
  std::string names;
  std::string rule;

  std::string block(size_t number_bytes) const {
    std::string out = "TZif2" + std::string(15, '\0');
    for (const size_t count :
         {size_t{0}, size_t{0}, size_t{0}, changes.size(), locals.size(), names.size()})
      out += number(static_cast<int64_t>(count), 4);
    for (const auto& [at, local] : changes) out += number(at, number_bytes);
    for (const auto& [at, local] : changes) out += static_cast<char>(local);
    for (const auto& [offset, name] : locals) {
      out += number(offset, 4) + '\0' + static_cast<char>(name);
    }
    return out + names;
  }
  std::string file() const { return block(4) + block(8) + "\n" + rule + "\n"; }
};

const std::string names("LMT\0AAA\0BBB\0", 12);

}  // namespace

TEST_CASE("a zone file is read: before, between and behind its changes") {
  const Made made{{{1000, 1}, {5000, 2}}, {{-100, 0}, {3600, 4}, {7200, 8}}, names, ""};
  const auto zone = TimeZone::parse(made.file());
  REQUIRE(zone != nullptr);
  CHECK(zone->at(999).abbreviation == "LMT");
  CHECK(zone->at(999).offset_s == -100);
  CHECK(zone->at(1000).abbreviation == "AAA");
  CHECK(zone->at(4999).offset_s == 3600);
  CHECK(zone->at(5000).abbreviation == "BBB");
  CHECK(zone->knows("LMT"));
  CHECK_FALSE(zone->knows("CCC"));
}

TEST_CASE("every instant comes back from what the clock shows, away from changes") {
  const Made made{{{1000000, 1}, {5000000, 2}},
                  {{-100, 0}, {3600, 4}, {7200, 8}},
                  names,
                  "BBB-2CCC,M3.2.0,M11.1.0"};
  const auto zone = TimeZone::parse(made.file());
  REQUIRE(zone != nullptr);
  for (int64_t at = -1'000'000; at < 200'000'000; at += 100'003) {
    CAPTURE(at);
    const auto& local = zone->at(at);
    CHECK(zone->to_unix(at + local.offset_s, local.abbreviation) == at);
  }
}

TEST_CASE("the rule behind the table is one of POSIX") {
  const auto with = [](const std::string& rule) {
    return TimeZone::parse(Made{{}, {{0, 0}}, names, rule}.file());
  };
  constexpr int64_t january = 1'767'225'600;  // 2026-01-01
  constexpr int64_t july = 1'782'864'000;     // 2026-07-01
  CHECK(with("EST5EDT,M3.2.0,M11.1.0")->at(july).offset_s == -4 * 3600);
  CHECK(with("EST5EDT,M3.2.0,M11.1.0")->at(january).offset_s == -5 * 3600);
  CHECK(with("AEST-10AEDT,M10.1.0,M4.1.0/3")->at(january).offset_s == 11 * 3600);
  CHECK(with("AEST-10AEDT,M10.1.0,M4.1.0/3")->at(july).offset_s == 10 * 3600);
  CHECK(with("IST-1GMT0,M10.5.0,M3.5.0/1")->at(january).offset_s == 0);
  CHECK(with("IST-1GMT0,M10.5.0,M3.5.0/1")->at(july).offset_s == 3600);
  CHECK(with("<+0545>-5:45")->at(july).offset_s == 20'700);
  CHECK(with("<-02>2<-01>,M3.5.0/-1,M10.5.0/0")->at(july).offset_s == -3600);
  CHECK(with("AAA0BBB,J60,J300")->at(july).offset_s == 3600);
  CHECK(with("AAA0BBB,59,299")->at(july).offset_s == 3600);
  // the very seconds at which clocks change in 2026: 29 March and 25 October, 01:00 UTC
  const auto berlin = with("CET-1CEST,M3.5.0,M10.5.0/3");
  CHECK(berlin->at(1'774'745'999).offset_s == 3600);
  CHECK(berlin->at(1'774'746'000).offset_s == 7200);
  CHECK(berlin->at(1'792'889'999).offset_s == 7200);
  CHECK(berlin->at(1'792'890'000).offset_s == 3600);
}

TEST_CASE("a file that is no zone is none, wherever it is cut") {
  const std::string file =
      Made{{{1000, 1}, {5000, 2}}, {{-100, 0}, {3600, 4}, {7200, 8}}, names, "AAA0"}.file();
  const size_t data_end = file.rfind('\0') + 1;
  for (size_t size = 0; size < data_end; ++size) {
    CAPTURE(size);
    CHECK(TimeZone::parse(file.substr(0, size)) == nullptr);
  }
  CHECK(TimeZone::parse(Made{{{5, 9}}, {{0, 0}}, names, ""}.file()) == nullptr);
  CHECK(TimeZone::parse(Made{{{5, 0}, {4, 0}}, {{0, 0}}, names, ""}.file()) == nullptr);
  CHECK(TimeZone::parse(Made{{}, {{0, 99}}, names, ""}.file()) == nullptr);
}

TEST_CASE("a name that is no zone is told apart from a system without zones") {
  std::string fault;
  CHECK(TimeZone::load("Europe/Atlantis", fault) == nullptr);
  CHECK(fault.find("there is no zone \"Europe/Atlantis\"") != std::string::npos);
  for (const char* name : {"../passwd", "/etc/passwd", "Europe/", "right/UTC", "a b", ""}) {
    CAPTURE(name);
    CHECK(TimeZone::load(name, fault) == nullptr);
    CHECK(fault.find("expected UTC") != std::string::npos);
  }
}
