#include "sdk/client/last_broker.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "sdk/base/unique_fd.h"

namespace btb::client {

namespace fs = std::filesystem;

namespace {

template <class Number>
bool read_number(const std::string& text, Number& into) {
  const char* end = text.data() + text.size();
  const auto [at, fault] = std::from_chars(text.data(), end, into);
  return fault == std::errc{} && at == end;
}

Error failed(const std::string& file) {
  return {Errc::io, file + ": " + std::strerror(errno)};
}

}  // namespace

std::string last_broker_file() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state != '\0') return std::string(state) + "/btbroker/last_broker";
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return {};
  return std::string(home) + "/.local/state/btbroker/last_broker";
}

std::optional<LastBroker> read_last_broker(const std::string& file) {
  std::ifstream in(file);
  LastBroker broker;
  std::string endpoint, site, seen;
  if (!std::getline(in, endpoint) || !std::getline(in, broker.name) || !std::getline(in, site) ||
      !std::getline(in, seen)) {
    return std::nullopt;
  }
  const auto parsed = parse_endpoint(endpoint);
  if (!parsed || !is_bluetooth(*parsed) || !read_number(site, broker.site) ||
      !read_number(seen, broker.seen_us)) {
    return std::nullopt;
  }
  broker.endpoint = *parsed;
  return broker;
}

// The file has four lines. It is written under another name and then renamed, so that no program
// reads half of it.
Result<void> write_last_broker(const std::string& file, const LastBroker& broker) {
  std::error_code ignored;
  fs::create_directories(fs::path(file).parent_path(), ignored);
  std::string name = broker.name;
  for (char& letter : name) {
    if (letter == '\n' || letter == '\r') letter = ' ';
  }
  const std::string text = to_string(broker.endpoint) + "\n" + name + "\n" +
                           std::to_string(broker.site) + "\n" + std::to_string(broker.seen_us) +
                           "\n";
  const std::string fresh = file + "." + std::to_string(::getpid());
  const UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.valid()) return failed(fresh);
  const bool whole =
      ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (whole && std::rename(fresh.c_str(), file.c_str()) == 0) return {};
  const Error error = failed(file);
  (void)::unlink(fresh.c_str());
  return error;
}

}  // namespace btb::client
