#include "broker/app/event_log.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "sdk/base/unique_fd.h"
#include "tests/support/patience.h"

namespace btb {

namespace {

// A pipe in the place of standard error.
struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    reading.reset(ends[0]);
    writing.reset(ends[1]);
  }

  // So that whoever writes next waits.
  void fill() const {
    const int flags = ::fcntl(writing.get(), F_GETFL);
    REQUIRE(::fcntl(writing.get(), F_SETFL, flags | O_NONBLOCK) == 0);
    while (::write(writing.get(), "\n", 1) == 1) {
    }
    REQUIRE(::fcntl(writing.get(), F_SETFL, flags) == 0);
  }

  // The next line that is not empty, without its newline; nothing at the end.
  std::optional<std::string> line() {
    for (;;) {
      text.erase(0, std::min(text.find_first_not_of('\n'), text.size()));
      const size_t end = text.find('\n');
      if (end != std::string::npos) {
        std::string line = text.substr(0, end);
        text.erase(0, end);
        return line;
      }
      pollfd readable{reading.get(), POLLIN, 0};
      REQUIRE(::poll(&readable, 1, test::patience_ms) == 1);
      std::array<char, 4096> buffer{};
      const ssize_t got = ::read(reading.get(), buffer.data(), buffer.size());
      if (got <= 0) return std::nullopt;
      text.append(buffer.data(), static_cast<size_t>(got));
    }
  }

  UniqueFd reading, writing;
  std::string text;
};

bool becomes_true(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + test::patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

void write_number(EventLog& log, uint64_t number) {
  // Long and short ones: what is short may not take the place of a long one that was lost.
  log.write(EventLog::Level::info, "line", std::string(number % 2 == 0 ? 2000 : 10, 'x'),
            {{"number", std::to_string(number)}});
}

uint64_t number_after(const std::string& line, const std::string& word) {
  const size_t at = line.find(word);
  return at == std::string::npos ? 0 : std::stoull(line.substr(at + word.size()));
}

// Writes until the log cannot take more; the number of the last line.
uint64_t write_until_lost(EventLog& log, uint64_t lines) {
  uint64_t number = 0;
  while (log.lost() < lines) write_number(log, ++number);
  return number;
}

}  // namespace

TEST_CASE(
    "a log that nobody reads takes no time, and says later how many lines are missing where") {
  Pipe pipe;
  pipe.fill();
  EventLog log("info", "text", pipe.writing.get(),
               {10'000, static_cast<uint32_t>(test::patience_ms)});
  uint64_t last = write_until_lost(log, 20);
  const uint64_t lost = log.lost();

  uint64_t seen = 0;
  uint64_t missing = 0;
  const auto read_one = [&] {
    const std::optional<std::string> line = pipe.line();
    REQUIRE(line.has_value());
    if (const uint64_t count = number_after(*line, "log_lost lines="); count != 0) {
      CHECK(line->find(count == 1
                           ? ": 1 log line was lost because standard error was not read"
                           : ": " + std::to_string(count) +
                                 " log lines were lost because standard error was not read") !=
            std::string::npos);
      missing += count;
      seen += count;
    } else {
      REQUIRE(number_after(*line, "number=") == ++seen);
    }
  };
  while (missing < lost) read_one();
  CHECK(missing == lost);
  CHECK(seen == last);

  write_number(log, ++last);
  read_one();
  CHECK(seen == last);
  CHECK(log.lost() == lost);
}

TEST_CASE("the end of a log that nobody reads is waited for a moment, not for ever") {
  Pipe pipe;
  pipe.fill();
  {
    EventLog log("info", "text", pipe.writing.get(), {10'000, 1});
    write_until_lost(log, 1);
  }
  pipe.reading.reset();  // lets the thread go: what it still has to write fails
}

TEST_CASE("what waits at the end of a log is written") {
  Pipe pipe;
  {
    EventLog log("info", "text", pipe.writing.get(),
                 {1 << 20, static_cast<uint32_t>(test::patience_ms)});
    for (int line = 1; line <= 10; ++line) log.write(EventLog::Level::info, "line", "");
  }
  pipe.writing.reset();
  for (int line = 1; line <= 10; ++line) CHECK(pipe.line().has_value());
  CHECK_FALSE(pipe.line().has_value());
}

TEST_CASE("a standard error that somebody made non-blocking loses nothing, and stays as it is") {
  Pipe pipe;
  const int blocking = ::fcntl(pipe.writing.get(), F_GETFL);
  REQUIRE(::fcntl(pipe.writing.get(), F_SETFL, blocking | O_NONBLOCK) == 0);
  EventLog log("info", "text", pipe.writing.get(),
               {1 << 20, static_cast<uint32_t>(test::patience_ms)});
  for (uint64_t number = 1; number <= 200; ++number) write_number(log, number);
  for (uint64_t number = 1; number <= 200; ++number) {
    REQUIRE(number_after(pipe.line().value_or(""), "number=") == number);
  }
  CHECK(log.lost() == 0);
  CHECK(::fcntl(pipe.writing.get(), F_GETFL) == (blocking | O_NONBLOCK));
  REQUIRE(::fcntl(pipe.writing.get(), F_SETFL, blocking) == 0);
  write_number(log, 201);
  CHECK(pipe.line().has_value());
  CHECK(::fcntl(pipe.writing.get(), F_GETFL) == blocking);
}

TEST_CASE("a log whose reader is gone counts its lines, and the process lives") {
  Pipe pipe;
  EventLog log("info", "text", pipe.writing.get());
  pipe.reading.reset();
  write_number(log, 1);
  write_number(log, 2);
  CHECK(becomes_true([&] { return log.lost() == 2; }));
}

TEST_CASE("as JSON each line is an object in UTF-8, whatever a plugin says") {
  Pipe pipe;
  EventLog log("warning", "json", pipe.writing.get(), {1, 1});
  log.write(EventLog::Level::info, "unimportant", "");
  log.write(EventLog::Level::warning, "source", "caf\xE9\nclosed", {{"source", "\xFF"}});
  const auto line = nlohmann::json::parse(pipe.line().value_or(""));
  CHECK(line["level"] == "warning");
  CHECK(line["event"] == "source");
  CHECK(line["text"] == "caf\xEF\xBF\xBD\nclosed");
  CHECK(line["source"] == "\xEF\xBF\xBD");
  CHECK(line["time"].is_string());

  log.configure("info", "json");
  write_until_lost(log, 1);
  nlohmann::json lost;
  while (lost["event"] != "log_lost") lost = nlohmann::json::parse(pipe.line().value_or(""));
  CHECK(lost["level"] == "warning");
  CHECK(lost["text"].get<std::string>().find("lost because standard error") != std::string::npos);
}

TEST_CASE("a value that somebody else chose is one value, in text and as JSON") {
  const std::string name = "x peer=unix uid 0\n2026 error";
  for (const std::string format : {"text", "json"}) {
    Pipe pipe;
    EventLog log("info", format, pipe.writing.get(),
                 {1 << 20, static_cast<uint32_t>(test::patience_ms)});
    log.write(EventLog::Level::info, "session_opened", "", {{"name", name}, {"peer", "tcp 1"}});
    const std::string line = pipe.line().value_or("");
    CAPTURE(line);
    if (format == "json") {
      CHECK(nlohmann::json::parse(line)["name"] == name);
    } else {
      CHECK(line.ends_with(R"(session_opened name="x peer=unix uid 0?2026 error" peer="tcp 1")"));
    }
  }
}

}  // namespace btb
