// Parts: reading the file; the surroundings of a real broker; sorting the faults.
#include "broker/config/read_config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <tuple>
#include <utility>

#include "broker/config/sections.h"
#include "sdk/base/unique_fd.h"
#include "sdk/host/values.h"

namespace btb {
namespace {

constexpr size_t faults_max = 100;  // nobody reads more; the others are only counted

// Reads regular files up to yaml_bytes_max only. Reading a pipe could block, and reading /dev/zero
// would never end.
Result<std::string> read_file(const std::string& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat about {};
  if (!fd.valid() || ::fstat(fd.get(), &about) != 0) {
    if (errno == ENOENT) return Error{Errc::not_found, "there is no such file"};
    return Error{Errc::io, std::string("cannot be read: ") + std::strerror(errno)};
  }
  if (!S_ISREG(about.st_mode)) return Error{Errc::invalid, "is not a file"};
  std::string text;
  std::array<char, 65'536> buffer{};
  while (text.size() <= yaml_bytes_max) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error{Errc::io, std::string("cannot be read: ") + std::strerror(errno)};
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<size_t>(got));
  }
  return Error{Errc::limit, "is larger than " + host::show_size(yaml_bytes_max)};
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "btbroker";
  return std::string(name.data()).substr(0, limits::client_name_bytes_max);
}

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

void sort_faults(const std::string& file, std::vector<ConfigFault>& faults, size_t begin) {
  const auto first = faults.begin() + static_cast<std::ptrdiff_t>(begin);
  std::stable_sort(first, faults.end(), [](const ConfigFault& a, const ConfigFault& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  if (faults.size() <= begin + faults_max) return;
  const size_t more = faults.size() - begin - faults_max;
  faults.resize(begin + faults_max);
  faults.push_back({file, 0, 0, "and " + std::to_string(more) + " more faults"});
}

}  // namespace

std::vector<std::string> default_plugin_path(const std::string& program_directory) {
  const std::filesystem::path above = std::filesystem::path(program_directory) / "..";
  return {(above / "plugins").lexically_normal().string(),
          (above / "lib/btbroker/plugins").lexically_normal().string()};
}

std::unique_ptr<Config> read_config_text(std::string_view text, ConfigSurroundings surroundings,
                                         std::vector<ConfigFault>& faults) {
  const size_t begin = faults.size();
  const std::string file = surroundings.file;
  std::vector<YamlFault> yaml_faults;
  std::optional<YamlNode> root = parse_yaml(text, yaml_faults);
  for (YamlFault& fault : yaml_faults) {
    faults.push_back({file, fault.place.line, fault.place.column, std::move(fault.text)});
  }
  std::unique_ptr<Config> config;
  if (root) {
    ConfigReader reader(std::move(surroundings), faults);
    config = std::make_unique<Config>(read_sections(reader, std::move(*root)));
  }
  sort_faults(file, faults, begin);
  if (config != nullptr) sort_faults(file, config->warnings, 0);
  return faults.size() == begin ? std::move(config) : nullptr;
}

std::unique_ptr<Config> read_config(const std::string& file, const std::string& program_directory,
                                    std::vector<ConfigFault>& faults,
                                    std::shared_ptr<PluginFiles> plugin_files, bool examine) {
  const Result<std::string> text = read_file(file);
  if (!text) {
    faults.push_back({file, 0, 0, text.error().text});
    return nullptr;
  }
  std::error_code error;
  std::filesystem::path directory = std::filesystem::absolute(file, error).parent_path();
  ConfigSurroundings surroundings;
  surroundings.file = file;
  surroundings.directory = directory.lexically_normal().string();
  surroundings.plugin_path = default_plugin_path(program_directory);
  surroundings.host_name = host_name();
  surroundings.environment = &environment;
  surroundings.plugin_files = std::move(plugin_files);
  surroundings.examine = examine;
  return read_config_text(*text, std::move(surroundings), faults);
}

}  // namespace btb
