// Mode delta: the rows of a file are orders, put or delete, which are carried out from the first to
// the last. A file ("list") is read twice: once to check it, once to carry it out. Lists are
// carried out in the order of their names.
//
// A row is in the topic of its last put. A later order for it may name another topic, or none. So
// if topics come from columns, lists that an earlier run carried out are read again, to learn the
// topics of their rows.
#include <algorithm>
#include <charconv>
#include <map>
#include <unordered_set>

#include "plugins/csv/fault_log.h"
#include "plugins/csv/hash.h"
#include "plugins/csv/key_table.h"
#include "plugins/csv/mode.h"
#include "plugins/csv/publisher.h"
#include "plugins/csv/scopes.h"
#include "plugins/csv/table_text.h"

namespace btb::csv {

namespace {

constexpr std::string_view token_mark = "d1";
constexpr size_t token_files_max = 200;
constexpr size_t word_bytes_max = 40;
constexpr uint64_t rows_between_stop_checks = 65'536;
constexpr uint16_t any_file = 1;  // rows belong to no file: the next one may change them
constexpr uint32_t carried_out_now = ~uint32_t{0};  // KeyTable::Entry::seen of this run's rows

// Shortens a word for a text for people.
std::string cut(std::string word) {
  if (word.size() <= word_bytes_max) return word;
  size_t end = word_bytes_max;
  // Does not cut inside a character.
  while (end > 0 && (static_cast<uint8_t>(word[end]) & 0xC0) == 0x80) --end;
  return word.substr(0, end) + "...";
}

class DeltaMode final : public FileMode {
 public:
  DeltaMode(const Config& config, plugin::Host& host, std::string_view resume_token);

  Outcome take(const TrackedFile& file, const std::string& path, Visit visit,
               Signature& now) override;
  Outcome remove(const std::vector<const TrackedFile*>& gone, bool confirmed) override;
  void put_away(const TrackedFile& file) override;
  std::string summary() const override;

 private:
  enum class Pass : uint8_t { check, carry_out, learn };
  Outcome take_text(const TrackedFile& file, const std::string& path, std::string_view bytes,
                    uint64_t mark);
  Outcome learn_from(const TrackedFile& file, const std::string& path, std::string_view bytes);
  uint64_t go_through(const TrackedFile& file, FaultLog& faults, TableText& table, Pass pass,
                      Publisher& out);
  RowFault carry_out_row(const TrackedFile& file, const TableText& table, Pass pass,
                         Publisher& out);
  void check_erase(uint32_t scope, std::string_view key, const TableText& table);
  void put(uint32_t scope, std::string_view key, Publisher& out);
  void erase(uint32_t scope, std::string_view key, bool tells_topic, Publisher& out);
  void learn_put(uint32_t scope, std::string_view key);
  void learn_erase(uint32_t scope, std::string_view key);
  Publisher publisher();
  std::string token() const;

  const Config& config_;
  plugin::Host& host_;
  KeyTable table_;
  Scopes scopes_;
  std::map<uint16_t, FaultLog> faults_;
  std::vector<uint64_t> done_;          // hashes of lists that were carried out, the newest last
  std::unordered_set<uint64_t> known_;  // those in done_ that this run carried out or learned from
  std::map<uint32_t, uint64_t> marks_;  // by tracked file: the hash of the list taken last
  uint64_t files_done_ = 0;
  // Of the current list:
  std::unordered_set<uint64_t> keys_put_;  // hashes; only where topics come from columns
  std::vector<FaultLog::Place> lost_;      // deletions that cannot be carried out
  uint32_t rank_ = 0;                      // its place in done_, from 1, if it is learned from
  std::string key_, topic_, payload_, reason_;
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
  marks_[file.id] = mark;
  const auto done = std::find(done_.begin(), done_.end(), mark);
  if (done != done_.end()) {
    rank_ = static_cast<uint32_t>(done - done_.begin()) + 1;
    const bool learns = !config_.topic.is_constant() && known_.insert(mark).second;
    return learns ? learn_from(file, path, read.bytes.view()) : Outcome{};
  }
  return take_text(file, path, read.bytes.view(), mark);
}

Outcome DeltaMode::take_text(const TrackedFile& file, const std::string& path,
                             std::string_view bytes, uint64_t mark) {
  FaultLog& faults = faults_.try_emplace(file.id, config_, path).first->second;
  faults.begin();
  keys_put_ = {};
  lost_ = {};
  uint64_t rows = 0;
  Publisher out = publisher();
  try {
    TableText table(config_, bytes, file.name, true);
    for (const std::string& remark : table.remarks) host_.warning(file.name + ": " + remark);
    Parser behind_header = table.parser;
    rows = go_through(file, faults, table, Pass::check, out);
    faults.check_limits(rows);
    for (const FaultLog::Place& place : lost_)
      faults.add(host_, {"a deletion of an unknown row: its topic cannot be told", 0}, place);
    table.parser = std::move(behind_header);
    go_through(file, faults, table, Pass::carry_out, out);
  } catch (const FileRefused& refusal) {
    return {Outcome::Kind::refused, refusal.what()};
  }
  done_.push_back(mark);
  known_.insert(mark);
  if (done_.size() > token_files_max) {
    known_.erase(done_.front());
    done_.erase(done_.begin());
  }
  out.finish(token());
  ++files_done_;
  table_.tidy();
  if (faults.count() == 0) return {};
  return {Outcome::Kind::taken, faults.text(rows), true, faults.are_many(rows)};
}

// Tells no bad rows: they were told when the list was carried out.
Outcome DeltaMode::learn_from(const TrackedFile& file, const std::string& path,
                              std::string_view bytes) {
  FaultLog& faults = faults_.try_emplace(file.id, config_, path).first->second;
  Publisher out = publisher();
  try {
    TableText table(config_, bytes, file.name, true);
    go_through(file, faults, table, Pass::learn, out);
  } catch (const FileRefused& refusal) {
    return {Outcome::Kind::taken,
            std::string("it was carried out before, and cannot be read again: ") + refusal.what()};
  }
  return {};
}

Publisher DeltaMode::publisher() {
  return {host_, [this](uint32_t, const std::string& reason) {
            btb_dead_letter letter{};
            letter.size = sizeof(letter);
            letter.reason = reason.c_str();
            host_.dead_letter(letter);
          }};
}

// The place of the row at hand.
FaultLog::Place place_of(const TableText& table) {
  const size_t position = table.parser.row_position();
  return {table.parser.row_line(), table.byte_offset(position),
          table.text.bytes_of(position, table.parser.raw().size())};
}

// The number of rows.
uint64_t DeltaMode::go_through(const TrackedFile& file, FaultLog& faults, TableText& table,
                               Pass pass, Publisher& out) {
  uint64_t rows = 0;
  if (!table.layout) return rows;
  for (uint64_t count = 1;; ++count) {
    const Parser::Step step = table.parser.next();
    if (step == Parser::Step::end || step == Parser::Step::need_more) return rows;
    // Throws plugin::Stopped when the source has to end.
    if (count % rows_between_stop_checks == 0) (void)host_.paused();
    const bool readable = step == Parser::Step::row;
    if (readable && table.layout->passes_over(table.parser.fields())) continue;
    ++rows;
    const RowFault fault = readable ? carry_out_row(file, table, pass, out)
                                    : RowFault{table.parser.fault(), table.parser.fault_column()};
    if (fault && pass == Pass::check) faults.add(host_, fault, place_of(table));
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
  if (op == RowLayout::Op::unknown) {
    reason_ = "\"" + cut(layout.op_word(fields)) + "\" is no operation that op_values names";
    return {reason_.c_str(), layout.op_column()};
  }
  if (const RowFault fault = layout.topic(fields, topic_)) return fault;
  const uint32_t scope = scopes_.of(config_.topic, file.name);
  const bool erases = op == RowLayout::Op::erase;
  if (!erases) {
    if (const RowFault fault = layout.payload(fields, payload_)) return fault;
  }
  const bool tells_topic = layout.tells_topic(fields);
  switch (pass) {
    case Pass::check:
      if (erases && !tells_topic) check_erase(scope, key, table);
      if (!erases && !config_.topic.is_constant()) keys_put_.insert(hash_of(key));
      break;
    case Pass::carry_out:
      if (erases) erase(scope, key, tells_topic, out);
      if (!erases) put(scope, key, out);
      break;
    case Pass::learn:
      if (erases) learn_erase(scope, key);
      if (!erases) learn_put(scope, key);
      break;
  }
  return {};
}

// The row does not name its topic, so it must be known from an earlier put.
void DeltaMode::check_erase(uint32_t scope, std::string_view key, const TableText& table) {
  const bool known = table_.find(scope, key) != KeyTable::none || keys_put_.contains(hash_of(key));
  if (!known) lost_.push_back(place_of(table));
}

void DeltaMode::put(uint32_t scope, std::string_view key, Publisher& out) {
  const auto [index, added] = table_.find_or_add(scope, key, any_file);
  const uint64_t payload_hash = hash_of(payload_);
  const std::string_view before = table_.topic_of(table_[index]);
  table_[index].seen = carried_out_now;
  if (!added && before == topic_ && table_[index].payload_hash == payload_hash) return;
  if (!before.empty() && before != topic_) out.remove(before, key, Publisher::no_entry);
  table_.set_topic(index, topic_);
  table_[index].payload_hash = payload_hash;
  out.put(topic_, key, payload_, Publisher::no_entry);
}

// A key that is not known is deleted, too: an earlier run may have published it.
void DeltaMode::erase(uint32_t scope, std::string_view key, bool tells_topic, Publisher& out) {
  const uint32_t index = table_.find(scope, key);
  if (index == KeyTable::none) {
    if (tells_topic) out.remove(topic_, key, Publisher::no_entry);
    return;
  }
  out.remove(table_.topic_of(table_[index]), key, Publisher::no_entry);
  table_.erase(index);
}

// A later list overrules an earlier one, and this run overrules both. The published payload is not
// known for certain, so the next put of the row is always published.
void DeltaMode::learn_put(uint32_t scope, std::string_view key) {
  const uint32_t index = table_.find_or_add(scope, key, any_file).index;
  KeyTable::Entry& entry = table_[index];
  if (entry.seen > rank_) return;
  entry.seen = rank_;
  entry.payload_hash = 0;
  table_.set_topic(index, topic_);
}

void DeltaMode::learn_erase(uint32_t scope, std::string_view key) {
  const uint32_t index = table_.find(scope, key);
  if (index != KeyTable::none && table_[index].seen <= rank_) table_.erase(index);
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

// Rows stay as they are when a list is deleted.
Outcome DeltaMode::remove(const std::vector<const TrackedFile*>& gone, bool) {
  for (const TrackedFile* file : gone) {
    faults_.erase(file->id);
    marks_.erase(file->id);
  }
  return {};
}

// The list cannot be read again, so it is removed from done_. If the same list comes again, it is
// carried out again.
void DeltaMode::put_away(const TrackedFile& file) {
  const auto at = marks_.find(file.id);
  if (at == marks_.end()) return;
  known_.erase(at->second);
  if (std::erase(done_, at->second) == 0) return;
  plugin::Batch batch;
  host_.publish(batch.resume_token(token()));
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
