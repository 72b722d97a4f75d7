// Mode delta: the rows of a file are orders, put or delete, in the order in which they stand. A
// file is read twice: once to see whether it can be believed, once to carry it out. Files are
// carried out in the order of their names.
#include <algorithm>
#include <charconv>
#include <map>

#include "plugins/csv/fault_log.h"
#include "plugins/csv/hash.h"
#include "plugins/csv/key_table.h"
#include "plugins/csv/mode.h"
#include "plugins/csv/publisher.h"
#include "plugins/csv/table_text.h"

namespace btb::csv {

namespace {

constexpr std::string_view token_mark = "d1";
constexpr size_t token_files_max = 200;
constexpr uint64_t rows_between_stop_checks = 65'536;
constexpr uint16_t any_file = 1;  // rows belong to no file: the next one may change them

class DeltaMode final : public FileMode {
 public:
  DeltaMode(const Config& config, plugin::Host& host, std::string_view resume_token);

  Outcome take(const TrackedFile& file, const std::string& path, Visit visit,
               Signature& now) override;
  Outcome remove(const std::vector<const TrackedFile*>& gone, bool confirmed) override;
  std::string summary() const override;

 private:
  enum class Pass : uint8_t { check, carry_out };
  Outcome take_text(const TrackedFile& file, const std::string& path, std::string_view bytes,
                    uint64_t mark);
  uint64_t go_through(const TrackedFile& file, FaultLog& faults, TableText& table, Pass pass,
                      Publisher& out);
  RowFault carry_out_row(const TrackedFile& file, const TableText& table, Pass pass,
                         Publisher& out);
  void put(uint32_t scope, std::string_view key, Publisher& out);
  void erase(uint32_t scope, std::string_view key, Publisher& out);
  std::string token() const;

  const Config& config_;
  plugin::Host& host_;
  KeyTable table_;
  std::map<uint16_t, FaultLog> faults_;
  std::vector<uint64_t> done_;  // versions of files that were carried out, the newest last
  uint64_t files_done_ = 0;
  std::string key_, topic_, payload_;
};

DeltaMode::DeltaMode(const Config& config, plugin::Host& host, std::string_view resume_token)
    : config_(config), host_(host) {
  if (!resume_token.starts_with(token_mark)) return;
  for (resume_token.remove_prefix(token_mark.size()); resume_token.size() >= 16;
       resume_token.remove_prefix(16)) {
    uint64_t mark = 0;
    std::from_chars(resume_token.data(), resume_token.data() + 16, mark, 16);
    done_.push_back(mark);
  }
}

Outcome DeltaMode::take(const TrackedFile& file, const std::string& path, Visit visit,
                        Signature& now) {
  const ReadFile read = read_whole(path, config_.file_bytes_max);
  Outcome unread = outcome_of(read, visit, now);
  if (unread.kind != Outcome::Kind::taken) return unread;
  now = read.signature;
  const uint64_t mark = hash_of(read.bytes.view(), hash_of(file.name));
  if (std::find(done_.begin(), done_.end(), mark) != done_.end()) return {};
  return take_text(file, path, read.bytes.view(), mark);
}

Outcome DeltaMode::take_text(const TrackedFile& file, const std::string& path,
                             std::string_view bytes, uint64_t mark) {
  FaultLog& faults = faults_.try_emplace(file.id, config_, path).first->second;
  faults.begin();
  uint64_t rows = 0;
  Publisher out(host_, [this](uint32_t, const std::string& reason) {
    btb_dead_letter letter{};
    letter.size = sizeof(letter);
    letter.reason = reason.c_str();
    host_.dead_letter(letter);
  });
  try {
    TableText table(config_, bytes, file.name, true);
    for (const std::string& remark : table.remarks) host_.warning(file.name + ": " + remark);
    Parser behind_header = table.parser;
    rows = go_through(file, faults, table, Pass::check, out);
    faults.check_limits(rows);
    table.parser = std::move(behind_header);
    go_through(file, faults, table, Pass::carry_out, out);
  } catch (const FileRefused& refusal) {
    return {Outcome::Kind::refused, refusal.what()};
  }
  done_.push_back(mark);
  if (done_.size() > token_files_max) done_.erase(done_.begin());
  out.finish(token());
  ++files_done_;
  table_.tidy();
  if (faults.count() == 0) return {};
  return {Outcome::Kind::taken,
          std::to_string(faults.count()) + " of " + std::to_string(rows) + " rows cannot be read"};
}

// The number of rows.
uint64_t DeltaMode::go_through(const TrackedFile& file, FaultLog& faults, TableText& table,
                               Pass pass, Publisher& out) {
  uint64_t rows = 0;
  if (!table.layout) return rows;
  for (uint64_t count = 1;; ++count) {
    const Parser::Step step = table.parser.next();
    if (step == Parser::Step::end || step == Parser::Step::need_more) return rows;
    if (count % rows_between_stop_checks == 0)
      (void)host_.paused();  // throws when it is time to end
    const bool readable = step == Parser::Step::row;
    if (readable && RowLayout::is_blank(table.parser.fields())) continue;
    ++rows;
    const RowFault fault = readable ? carry_out_row(file, table, pass, out)
                                    : RowFault{table.parser.fault(), table.parser.fault_column()};
    if (!fault || pass == Pass::carry_out) continue;
    const size_t position = table.parser.row_position();
    const std::string_view raw = table.text.bytes_of(position, table.parser.raw().size());
    faults.add(host_, fault, {table.parser.row_line(), table.byte_offset(position), raw});
  }
}

RowFault DeltaMode::carry_out_row(const TrackedFile& file, const TableText& table, Pass pass,
                                  Publisher& out) {
  const RowLayout& layout = *table.layout;
  const std::vector<Field>& fields = table.parser.fields();
  std::string_view key;
  topic_.clear();
  payload_.clear();
  if (const RowFault fault = layout.check(fields, table.parser.raw())) return fault;
  if (const RowFault fault = layout.key(fields, key_, key)) return fault;
  const RowLayout::Op op = layout.op(fields);
  if (op == RowLayout::Op::unknown)
    return {"an operation that op_values does not name", layout.op_column()};
  if (const RowFault fault = layout.topic(fields, topic_)) return fault;
  const uint32_t scope = config_.topic.names_file() ? file.id : 0;
  if (op == RowLayout::Op::erase) {
    if (pass == Pass::carry_out) erase(scope, key, out);
    return {};
  }
  if (const RowFault fault = layout.payload(fields, payload_)) return fault;
  if (pass == Pass::carry_out) put(scope, key, out);
  return {};
}

void DeltaMode::put(uint32_t scope, std::string_view key, Publisher& out) {
  const auto [index, added] = table_.find_or_add(scope, key, any_file);
  const uint64_t payload_hash = hash_of(payload_);
  const std::string_view before = table_.topic_of(table_[index]);
  if (!added && before == topic_ && table_[index].payload_hash == payload_hash) return;
  if (!before.empty() && before != topic_) out.remove(before, key, Publisher::no_entry);
  table_.set_topic(index, topic_);
  table_[index].payload_hash = payload_hash;
  out.put(topic_, key, payload_, Publisher::no_entry);
}

// Also of a key that is not known: an earlier run may have published it.
void DeltaMode::erase(uint32_t scope, std::string_view key, Publisher& out) {
  const uint32_t index = table_.find(scope, key);
  if (index == KeyTable::none) return out.remove(topic_, key, Publisher::no_entry);
  out.remove(table_.topic_of(table_[index]), key, Publisher::no_entry);
  table_.erase(index);
}

std::string DeltaMode::token() const {
  std::string text(token_mark);
  char buffer[17];
  for (const uint64_t mark : done_) {
    std::snprintf(buffer, sizeof(buffer), "%016llx", static_cast<unsigned long long>(mark));
    text += buffer;
  }
  return text;
}

// What a list of changes did stays done when the list is thrown away.
Outcome DeltaMode::remove(const std::vector<const TrackedFile*>& gone, bool) {
  for (const TrackedFile* file : gone) faults_.erase(file->id);
  return {};
}

std::string DeltaMode::summary() const {
  return std::to_string(table_.size()) + " rows after " + std::to_string(files_done_) +
         " lists of changes";
}

}  // namespace

std::unique_ptr<FileMode> make_delta_mode(const Config& config, plugin::Host& host,
                                          std::string_view resume_token) {
  return std::make_unique<DeltaMode>(config, host, resume_token);
}

}  // namespace btb::csv
