// Options: "--name value" arguments of a benchmark's program, and the one way such a program fails.
// Value; [any].
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace btb::bench {

// Says `text` on stderr and ends the program with 2. A benchmark has nobody to hand an error to.
[[noreturn]] void fail(const std::string& text);

class Options {
 public:
  // Fails on an argument that is not "--name value".
  Options(int argc, char** argv, int first);

  // The value; without a fallback, its absence fails.
  [[nodiscard]] std::string text(const std::string& name) const;
  [[nodiscard]] std::string text(const std::string& name, const std::string& fallback) const;
  [[nodiscard]] int64_t number(const std::string& name) const;
  [[nodiscard]] int64_t number(const std::string& name, int64_t fallback) const;
  [[nodiscard]] double real(const std::string& name, double fallback) const;

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace btb::bench
