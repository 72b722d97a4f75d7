#include "sdk/client/local_brokers.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "sdk/transport/socket.h"

namespace btb::client {

namespace fs = std::filesystem;

namespace {

std::vector<std::string> sockets_in(const std::string& directory) {
  std::vector<std::string> found;
  std::error_code fault;
  for (fs::directory_iterator it(directory, fault), end; !fault && it != end; it.increment(fault)) {
    std::error_code unreadable;
    if (it->path().extension() == ".sock" && it->is_socket(unreadable)) {
      found.push_back(it->path().string());
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

std::vector<std::string> local_broker_directories() {
  std::vector<std::string> directories;
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && *runtime != '\0') {
    directories.push_back(std::string(runtime) + "/btbroker");
  }
  directories.emplace_back("/run/btbroker");
  return directories;
}

std::vector<Endpoint> local_brokers(const std::vector<std::string>& directories,
                                    std::string& reasons) {
  std::vector<Endpoint> found;
  for (const std::string& directory : directories) {
    for (const std::string& path : sockets_in(directory)) {
      const Endpoint endpoint{Endpoint::Scheme::unix_socket, path, 0};
      const auto probe = begin_connect(endpoint);
      if (probe) {
        found.push_back(endpoint);
      } else {
        reasons += "; " + probe.error().text;
      }
    }
  }
  return found;
}

Result<std::optional<Endpoint>> named_broker() {
  const char* named = std::getenv("BTB_BROKER");
  if (named == nullptr || *named == '\0') return std::optional<Endpoint>();
  auto endpoint = parse_endpoint(named);
  if (!endpoint) return Error{Errc::invalid, "$BTB_BROKER: " + endpoint.error().text};
  return std::optional<Endpoint>(std::move(*endpoint));
}

Result<Endpoint> find_broker(const std::vector<std::string>& directories) {
  auto named = named_broker();
  if (!named) return named.error();
  if (*named) return **named;
  std::string reasons;
  const auto found = local_brokers(directories, reasons);
  if (!found.empty()) return found.front();
  std::string looked_at;
  for (const std::string& directory : directories) {
    looked_at += (looked_at.empty() ? "" : ", ") + directory + "/*.sock";
  }
  return Error{Errc::not_found,
               "no broker found on this machine: looked at $BTB_BROKER and " + looked_at + reasons};
}

}  // namespace btb::client
