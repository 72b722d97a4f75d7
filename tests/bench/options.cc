#include "tests/bench/options.h"

#include <cstdio>
#include <cstdlib>

namespace btb::bench {

void fail(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
  std::exit(2);
}

Options::Options(int argc, char** argv, int first) {
  for (int i = first; i < argc; i += 2) {
    const std::string name = argv[i];
    if (!name.starts_with("--") || i + 1 >= argc) fail("expected --name value, found: " + name);
    values_[name.substr(2)] = argv[i + 1];
  }
}

std::string Options::text(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) fail("missing: --" + name);
  return found->second;
}

std::string Options::text(const std::string& name, const std::string& fallback) const {
  const auto found = values_.find(name);
  return found == values_.end() ? fallback : found->second;
}

int64_t Options::number(const std::string& name) const {
  const std::string written = text(name);
  char* end = nullptr;
  const int64_t value = std::strtoll(written.c_str(), &end, 10);
  if (written.empty() || *end != '\0') fail("--" + name + ": not a number: " + written);
  return value;
}

int64_t Options::number(const std::string& name, int64_t fallback) const {
  return values_.contains(name) ? number(name) : fallback;
}

double Options::real(const std::string& name, double fallback) const {
  if (!values_.contains(name)) return fallback;
  const std::string written = text(name);
  char* end = nullptr;
  const double value = std::strtod(written.c_str(), &end);
  if (written.empty() || *end != '\0') fail("--" + name + ": not a number: " + written);
  return value;
}

}  // namespace btb::bench
