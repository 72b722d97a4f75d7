#include "plugins/csv/examine.h"

#include <algorithm>
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

constexpr size_t names_max = 100'000;  // a larger directory is not read to its end
constexpr size_t files_max = 5;        // so many files are opened
constexpr size_t head_bytes = 64U << 10;
constexpr const char* may_come = "; it may come later";

// The names of all files in the directory, and in directories below if `selection` descends into
// them. Links to files are followed. Names are relative, as Selection needs them.
std::vector<std::string> names_in(const Config& config, const Selection& selection,
                                  std::error_code& fault) {
  std::vector<std::string> names;
  const auto options = fs::directory_options::skip_permission_denied;
  fs::recursive_directory_iterator at(config.directory, options, fault);
  for (; at != fs::recursive_directory_iterator() && names.size() < names_max; ++at) {
    std::error_code ignored;
    std::string name = at->path().lexically_relative(config.directory).string();
    if (at->is_regular_file(ignored)) {
      names.push_back(std::move(name));
    } else if (!config.recursive || !selection.descends_into(name)) {
      at.disable_recursion_pending();
    }
  }
  return names;
}

// The first bytes of the text of a gzip file. Nothing if it cannot be unpacked; `fault` says why.
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
  const Selection selection(config);
  std::error_code fault;
  std::vector<std::string> names;
  try {
    names = names_in(config, selection, fault);
  } catch (const fs::filesystem_error& failed) {  // a directory that goes while it is read
    fault = failed.code();
  }
  if (fault == std::errc::no_such_file_or_directory) {
    return report("path", "there is no directory " + config.directory + may_come);
  }
  if (fault) {
    return report("path", "the directory " + config.directory + ": " + fault.message());
  }
  std::sort(names.begin(), names.end());
  auto [files, scratch, other_case] = selection.choose(names);
  if (files.empty()) {
    const std::string path = config.directory + "/" + config.pattern;
    const std::string none =
        config.many_files ? "no file fits " + path + " yet" : "there is no file " + path;
    report("path", none + may_come);
  }
  if (!other_case.empty()) {
    const std::string more = other_case.size() == 1
                                 ? " is"
                                 : " and " + std::to_string(other_case.size() - 1) + " more are";
    report("path", config.directory + "/" + other_case.front() + more +
                       " passed over: " + Selection::other_case_text);
  }
  if (files.size() > files_max) files.resize(files_max);
  for (const std::string& name : files) examine_file(config, name, report);
}

}  // namespace btb::csv
