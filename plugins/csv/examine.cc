#include "plugins/csv/examine.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "plugins/csv/file_reader.h"
#include "plugins/csv/gzip.h"
#include "plugins/csv/options.h"
#include "plugins/csv/selection.h"
#include "plugins/csv/table_text.h"

namespace btb::csv {

namespace {

namespace fs = std::filesystem;

constexpr size_t names_max = 100'000;  // a larger directory is not looked through to its end
constexpr size_t files_max = 5;        // are opened
constexpr size_t head_bytes = 64U << 10;
constexpr const char* may_come = "; it may come later";

// Names relative to the directory, as Selection wants them; links are followed, as the source does.
std::vector<std::string> names_in(const Config& config, std::error_code& fault) {
  std::vector<std::string> names;
  const auto take = [&](auto entries) {
    for (const fs::directory_entry& entry : entries) {
      std::error_code ignored;
      if (!entry.is_regular_file(ignored)) continue;
      names.push_back(entry.path().lexically_relative(config.directory).string());
      if (names.size() == names_max) return;
    }
  };
  if (config.recursive) {
    take(fs::recursive_directory_iterator(config.directory,
                                          fs::directory_options::skip_permission_denied, fault));
  } else {
    take(fs::directory_iterator(config.directory, fault));
  }
  return names;
}

// The first bytes of what is packed; nothing if it is no gzip file after all, and `fault` says why.
std::optional<std::string> unpacked_head(int fd, std::string& fault) {
  std::string head(head_bytes, '\0');
  size_t made = 0;
  Gunzip packed(fd);
  const Gunzip::Status status = packed.read(head.data(), head.size(), made);
  if (status == Gunzip::Status::failed) fault = std::strerror(errno);
  if (status == Gunzip::Status::damaged || status == Gunzip::Status::incomplete)
    fault = packed.fault();
  if (!fault.empty()) return std::nullopt;
  head.resize(made);
  return head;
}

void examine_file(const Config& config, const std::string& name, const plugin::Report& report) {
  const std::string path = config.directory + "/" + name;
  const Descriptor file(open_file(path));
  if (!file) return report("path", path + ": " + std::strerror(errno));
  auto head = read_at(file.get(), 0, head_bytes);
  if (!head) return report("path", path + " cannot be read: " + std::strerror(errno));
  if (is_gzip(*head)) {
    if (config.mode == Mode::append)
      return report("path", path + " is packed with gzip, and passed over in mode append");
    std::string fault;
    head = unpacked_head(file.get(), fault);
    if (!head) return report("path", path + ": " + fault);
  }
  if (head->empty()) return report("path", path + " is empty");
  try {
    const TableText table(config, *head, name, head->size() < head_bytes);
    (void)table;
  } catch (const ColumnMissing& missing) {
    report(missing.option(), path + ": " + missing.what());
  } catch (const FileRefused& refused) {
    report("path", path + ": " + refused.what());
  }
}

}  // namespace

void examine(const plugin::Settings& settings, const plugin::Report& report) {
  const Config config = read_config(settings);
  std::error_code fault;
  std::vector<std::string> names;
  try {
    names = names_in(config, fault);
  } catch (const fs::filesystem_error& failed) {  // a directory that goes while it is read
    fault = failed.code();
  }
  if (fault == std::errc::no_such_file_or_directory) {
    return report("path", "there is no directory " + config.directory + may_come);
  }
  if (fault) {
    return report("path", "the directory " + config.directory + ": " + fault.message());
  }
  const Selection selection(config);
  std::vector<std::string> files = selection.files_of(names);
  if (files.empty()) {
    const std::string path = config.directory + "/" + config.pattern;
    return report(
        "path", (config.many_files ? "no file fits " + path + " yet" : "there is no file " + path) +
                    may_come);
  }
  if (files.size() > files_max) files.resize(files_max);
  for (const std::string& name : files) examine_file(config, name, report);
}

}  // namespace btb::csv
