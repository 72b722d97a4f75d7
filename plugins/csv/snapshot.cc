// Mode snapshot: the file is the table. There are two passes over the text of a file: the first
// compares it with the KeyTable, the second publishes the changes. Between them it is decided
// whether the file is refused, or held by the guard; so nothing of such a file is published.
#include <algorithm>
#include <map>

#include "plugins/csv/fault_log.h"
#include "plugins/csv/guard.h"
#include "plugins/csv/hash.h"
#include "plugins/csv/key_table.h"
#include "plugins/csv/mode.h"
#include "plugins/csv/publisher.h"
#include "plugins/csv/scopes.h"
#include "plugins/csv/table_text.h"

namespace btb::csv {

namespace {

constexpr uint64_t rows_between_stop_checks = 65'536;

// What is known of a file from one version to the next.
struct FileRecord {
  explicit FileRecord(FaultLog log) : faults(std::move(log)) {}
  FaultLog faults;
  uint64_t rows = 0;          // published rows that belong to the file
  uint64_t passed_over = 0;   // rows that are no data
  uint64_t content_hash = 0;  // of the version that was taken last
  uint64_t layout_hash = 0;
  std::string remark;  // this and the next two: as in the Outcome of that version
  bool is_short = false;
  bool held = false;
  bool accepted = false;    // that version was `taken`
  bool conflicted = false;  // one of its keys belonged to another file
  bool away = false;        // it was put away: other files may take its rows over
  bool published = true;    // the broker took all rows of that version
  // The scope, if the file was refused because another file owns that scope; else 0.
  uint32_t second_to = 0;
  uint64_t erasures = 0;  // SnapshotMode::erasures_ at that time
};

// A row that is new or different, to be encoded in the second pass.
struct Change {
  size_t position;
  uint32_t size_bytes;
  uint32_t index;
};

// What the first pass found.
struct Plan {
  std::vector<Change> changes;
  std::vector<uint32_t> added;  // entries made by this pass
  uint64_t rows = 0;            // in the file, the bad ones included
  uint64_t kept = 0;            // that were published before
  // Entries taken over from files that were put away, each with its old owner.
  std::vector<std::pair<uint32_t, uint16_t>> adopted;
  uint64_t keys_unknown = 0;  // bad rows whose key could not be read either
  bool conflicted = false;
};

class SnapshotMode final : public FileMode {
 public:
  SnapshotMode(const Config& config, plugin::Host& host) : config_(config), host_(host) {}

  Outcome take(const TrackedFile& file, const std::string& path, Visit visit,
               Signature& now) override;
  Outcome remove(const std::vector<const TrackedFile*>& gone, bool confirmed) override;
  bool renamed(const TrackedFile& from, const TrackedFile& to, const std::string& path) override;
  void put_away(const TrackedFile& file) override;
  bool is_spent(const TrackedFile& file) const override;
  bool wants_again(const TrackedFile& file) override;
  Coverage coverage_of(const TrackedFile& file) const override;
  std::string summary() const override;

 private:
  FileRecord& record_of(const TrackedFile& file, const std::string& path);
  const std::string* other_owner(const TrackedFile& file);
  Outcome take_text(const TrackedFile& file, FileRecord& record, std::string_view bytes,
                    Visit visit);
  void scan(const TrackedFile& file, FileRecord& record, TableText& table, Plan& plan);
  void scan_row(const TrackedFile& file, FileRecord& record, const TableText& table, bool readable,
                Plan& plan);
  void bad_row(const TrackedFile& file, FileRecord& record, const TableText& table,
               const RowFault& fault, uint32_t index, Plan& plan);
  Outcome decide(const TrackedFile& file, FileRecord& record, TableText& table, Plan& plan,
                 Visit visit);
  void publish(const TrackedFile& file, TableText& table, const Plan& plan, bool erase);
  void publish_change(Publisher& out, Parser& parser, const TableText& table, const Change& change);
  void publish_erasures(Publisher& out, uint16_t file);
  void roll_back(const Plan& plan);
  Publisher publisher();
  bool is_away(uint16_t file) const {
    const auto record = records_.find(file);
    return record != records_.end() && record->second.away;
  }
  uint32_t scope_of(const TrackedFile& file) { return scopes_.of(config_.topic, file.name); }

  struct Owner {
    uint16_t file = 0;
    std::string name;
  };

  const Config& config_;
  plugin::Host& host_;
  KeyTable table_;
  Scopes scopes_;
  std::map<uint32_t, Owner> owners_;  // by scope: the file that has rows there; never of scope 0
  std::map<uint16_t, FileRecord> records_;
  uint32_t pass_ = 0;
  uint64_t erasures_ = 0;
  uint64_t refused_ = 0;               // messages that the host did not take, so far
  std::string key_, topic_, payload_;  // of the current row
};

FileRecord& SnapshotMode::record_of(const TrackedFile& file, const std::string& path) {
  const auto at = records_.find(file.id);
  if (at != records_.end()) return at->second;
  return records_.emplace(file.id, FileRecord(FaultLog(config_, path))).first->second;
}

Outcome SnapshotMode::take(const TrackedFile& file, const std::string& path, Visit visit,
                           Signature& now) {
  const ReadFile read = read_whole(path, config_.file_bytes_max);
  Outcome unread = outcome_of(read, visit, now);
  if (unread.kind != Outcome::Kind::taken) {
    const auto known = records_.find(file.id);
    if (known != records_.end()) {
      known->second.accepted = false;  // this is another version
      if (unread.kind == Outcome::Kind::unreadable) {
        known->second.erasures = erasures_;  // CsvSource tries it again later
        known->second.second_to = 0;
      }
    }
    return unread;
  }
  now = read.signature;
  FileRecord& record = record_of(file, path);
  const uint64_t content_hash = hash_of(read.bytes.view());
  const bool again = wants_again(file);
  record.away = false;
  const bool releases = visit.confirmed && record.held;
  if (record.accepted && record.content_hash == content_hash && !again && !releases) {
    return {Outcome::Kind::taken, record.remark, record.published, record.is_short, record.held};
  }
  record.erasures = erasures_;
  if (const std::string* other = other_owner(file)) {
    record.accepted = false;
    record.second_to = scope_of(file);
    return {Outcome::Kind::refused,
            "it makes the topic " + config_.topic.shown(file.name) + ", as " + *other +
                " does, which was there before: take one of the two away, exclude it, or write "
                "{file} for {stem} in `topic`"};
  }
  record.second_to = 0;
  Outcome outcome = take_text(file, record, read.bytes.view(), visit);
  record.accepted = outcome.kind == Outcome::Kind::taken;
  record.content_hash = content_hash;
  record.remark = outcome.text;
  record.is_short = outcome.is_short;
  record.held = outcome.held;
  return outcome;
}

// The name of the file that makes the same topics already; null if there is none. Two tables in one
// topic would delete each other's rows.
const std::string* SnapshotMode::other_owner(const TrackedFile& file) {
  const auto owner = owners_.find(scope_of(file));
  if (owner == owners_.end() || owner->second.file == file.id || is_away(owner->second.file))
    return nullptr;
  return &owner->second.name;
}

Outcome SnapshotMode::take_text(const TrackedFile& file, FileRecord& record, std::string_view bytes,
                                Visit visit) {
  Plan plan;
  record.faults.begin();
  try {
    TableText table(config_, bytes, file.name, true);
    if (table.layout && table.layout->hash() != record.layout_hash) {
      record.layout_hash = table.layout->hash();
      for (const std::string& remark : table.remarks) host_.warning(file.name + ": " + remark);
    }
    scan(file, record, table, plan);
    record.faults.check_limits(plan.rows);
    return decide(file, record, table, plan, visit);
  } catch (const FileRefused& refusal) {
    roll_back(plan);
    return {Outcome::Kind::refused, refusal.what()};
  }
}

// --- the first pass ---

void SnapshotMode::scan(const TrackedFile& file, FileRecord& record, TableText& table, Plan& plan) {
  ++pass_;
  record.passed_over = 0;
  if (!table.layout) return;
  for (uint64_t count = 1;; ++count) {
    const Parser::Step step = table.parser.next();
    record.passed_over = table.layout->passed_over();
    if (step == Parser::Step::end || step == Parser::Step::need_more) return;
    // Throws plugin::Stopped when the source has to end.
    if (count % rows_between_stop_checks == 0) (void)host_.paused();
    const bool readable = step == Parser::Step::row;
    if (readable && table.layout->passes_over(table.parser.fields())) continue;
    ++plan.rows;
    scan_row(file, record, table, readable, plan);
  }
}

void SnapshotMode::scan_row(const TrackedFile& file, FileRecord& record, const TableText& table,
                            bool readable, Plan& plan) {
  const RowLayout& layout = *table.layout;
  const Parser& parser = table.parser;
  std::string_view key;
  const RowFault key_fault = layout.key(parser.fields(), key_, key);
  uint32_t index = key_fault ? KeyTable::none : table_.find(scope_of(file), key);
  const bool known = index != KeyTable::none;
  if (known && table_[index].file != file.id && is_away(table_[index].file)) {
    plan.adopted.emplace_back(index, table_[index].file);
    table_[index].file = file.id;
  }
  const bool ours = known && table_[index].file == file.id;
  const bool twice = ours && table_[index].seen == pass_;
  const uint64_t row_hash = hash_of(parser.raw(), layout.hash());
  if (readable && ours && !twice && table_[index].row_hash == row_hash) {
    table_[index].seen = pass_;
    ++plan.kept;
    return;
  }
  RowFault fault = readable ? layout.check(parser.fields(), parser.raw())
                            : RowFault{parser.fault(), parser.fault_column()};
  if (!fault) fault = key_fault;
  if (!fault && known && !ours) {
    fault = {"its key belongs to another file", 0};
    plan.conflicted = true;
  }
  if (!fault && twice) fault = {"its key stands in an earlier row", 0};
  topic_.clear();
  payload_.clear();
  if (!fault) fault = layout.topic(parser.fields(), topic_);
  if (!fault) fault = layout.payload(parser.fields(), payload_);
  if (fault) return bad_row(file, record, table, fault, index, plan);
  if (!known) {
    index = table_.find_or_add(scope_of(file), key, file.id).index;
    plan.added.push_back(index);
  } else {
    ++plan.kept;
  }
  KeyTable::Entry& entry = table_[index];
  entry.seen = pass_;
  if (known && entry.payload_hash == hash_of(payload_) && table_.topic_of(entry) == topic_) {
    entry.row_hash = row_hash;  // other bytes in the file, the same message
    return;
  }
  plan.changes.push_back(
      {parser.row_position(), static_cast<uint32_t>(parser.raw().size()), index});
}

// A row that cannot be read does not count as deleted: the published row with its key stays.
void SnapshotMode::bad_row(const TrackedFile& file, FileRecord& record, const TableText& table,
                           const RowFault& fault, uint32_t index, Plan& plan) {
  if (index == KeyTable::none && table.layout->hides_key(table.parser.fields(), fault))
    ++plan.keys_unknown;
  if (index != KeyTable::none && table_[index].file == file.id && table_[index].seen != pass_) {
    table_[index].seen = pass_;
    ++plan.kept;
  }
  const size_t position = table.parser.row_position();
  const std::string_view raw = table.text.bytes_of(position, table.parser.raw().size());
  record.faults.add(host_, fault, {table.parser.row_line(), table.byte_offset(position), raw});
}

// --- between the passes ---

Outcome SnapshotMode::decide(const TrackedFile& file, FileRecord& record, TableText& table,
                             Plan& plan, Visit visit) {
  const uint64_t gone = record.rows + plan.adopted.size() - plan.kept;
  const double gone_at_once_max = config_.delete_ratio_max * static_cast<double>(record.rows);
  if (visit.early && (plan.rows == 0 || static_cast<double>(gone) > gone_at_once_max)) {
    roll_back(plan);
    return {Outcome::Kind::again, "its rows may still come"};
  }
  if (!visit.confirmed) {
    if (const auto objection = guard_objection(config_, {record.rows, gone, plan.rows == 0})) {
      roll_back(plan);
      return {Outcome::Kind::guarded, *objection};
    }
  }
  const bool hold = gone > 0 && plan.keys_unknown > 0 && !visit.confirmed;
  const uint64_t refused_before = refused_;
  publish(file, table, plan, gone > 0 && !hold);
  record.rows = plan.kept + plan.added.size() + (hold ? gone : 0);
  if (const uint32_t scope = scope_of(file); scope != 0 && record.rows > 0)
    owners_[scope] = {file.id, file.name};
  for (const auto& [index, owner] : plan.adopted) --records_.at(owner).rows;
  record.conflicted = plan.conflicted;
  record.published = refused_ == refused_before;
  record.erasures = erasures_;
  table_.tidy();
  std::string remark = record.faults.text(plan.rows);
  if (hold) {
    remark += gone == 1 ? "; 1 row is missing and may be among these: it is kept"
                        : "; " + std::to_string(gone) +
                              " rows are missing and may be among these: they are kept";
  }
  if (const uint64_t refused = refused_ - refused_before; refused != 0) {
    remark += (remark.empty() ? "" : "; ") + std::to_string(refused) +
              (refused == 1 ? " row was" : " rows were") + " not taken by the broker";
  }
  return {Outcome::Kind::taken, remark, record.published, record.faults.are_many(plan.rows), hold};
}

void SnapshotMode::roll_back(const Plan& plan) {
  for (const auto& [index, owner] : plan.adopted) table_[index].file = owner;
  for (const uint32_t index : plan.added) table_.erase(index);
}

// --- the second pass ---

Publisher SnapshotMode::publisher() {
  return {host_, [this](uint32_t index, const std::string& reason) {
            btb_dead_letter letter{};
            letter.size = sizeof(letter);
            letter.reason = reason.c_str();
            if (index != Publisher::no_entry) {
              letter.raw = plugin::bytes_of(table_.key_of(table_[index]));
              // So the next version tries it again.
              table_[index].row_hash = table_[index].payload_hash = 0;
            }
            host_.dead_letter(letter);
            ++refused_;
          }};
}

void SnapshotMode::publish(const TrackedFile& file, TableText& table, const Plan& plan,
                           bool erase) {
  Publisher out = publisher();
  if (erase) publish_erasures(out, file.id);
  Parser parser(table.dialect);
  for (const Change& change : plan.changes) publish_change(out, parser, table, change);
  out.finish({});
}

void SnapshotMode::publish_erasures(Publisher& out, uint16_t file) {
  for (uint32_t index = 0; index < table_.slots_end(); ++index) {
    const KeyTable::Entry& entry = table_[index];
    if (entry.file != file || entry.seen == pass_) continue;
    out.remove(table_.topic_of(entry), table_.key_of(entry), Publisher::no_entry);
    table_.erase(index);
    ++erasures_;
  }
}

void SnapshotMode::publish_change(Publisher& out, Parser& parser, const TableText& table,
                                  const Change& change) {
  const RowLayout& layout = *table.layout;
  const std::string_view raw = table.text.utf8().substr(change.position, change.size_bytes);
  parser.feed(raw, true);
  (void)parser.next();
  topic_.clear();
  payload_.clear();
  (void)layout.topic(parser.fields(), topic_);
  (void)layout.payload(parser.fields(), payload_);
  const std::string_view before = table_.topic_of(table_[change.index]);
  const std::string_view key = table_.key_of(table_[change.index]);
  if (!before.empty() && before != topic_) out.remove(before, key, Publisher::no_entry);
  table_.set_topic(change.index, topic_);
  KeyTable::Entry& entry = table_[change.index];
  entry.row_hash = hash_of(raw, layout.hash());
  entry.payload_hash = hash_of(payload_);
  out.put(topic_, key, payload_, change.index);
}

// --- the rest ---

Outcome SnapshotMode::remove(const std::vector<const TrackedFile*>& gone, bool confirmed) {
  uint64_t rows = 0;
  for (const TrackedFile* file : gone) {
    const auto record = records_.find(file->id);
    if (record != records_.end()) rows += record->second.rows;
  }
  if (config_.removed_file == RemovedFile::keep && !confirmed && rows > 0) {
    return {Outcome::Kind::unreadable,
            rows == 1 ? "it is gone, its row is kept"
                      : "it is gone, its " + std::to_string(rows) + " rows are kept"};
  }
  const GuardCase found{table_.size(), rows, rows == table_.size()};
  const auto objection = confirmed ? std::nullopt : guard_objection(config_, found);
  if (objection) {
    return {Outcome::Kind::guarded, "files with " + std::to_string(rows) + " of " +
                                        std::to_string(table_.size()) + " rows are gone"};
  }
  ++pass_;
  Publisher out = publisher();
  for (const TrackedFile* file : gone) {
    publish_erasures(out, file->id);
    records_.erase(file->id);
    const auto owner = owners_.find(scope_of(*file));
    if (owner != owners_.end() && owner->second.file == file->id) owners_.erase(owner);
  }
  out.finish({});
  table_.tidy();
  return {};
}

void SnapshotMode::put_away(const TrackedFile& file) {
  const auto record = records_.find(file.id);
  if (record != records_.end()) record->second.away = true;
}

bool SnapshotMode::is_spent(const TrackedFile& file) const {
  const auto record = records_.find(file.id);
  return record == records_.end() || (record->second.away && record->second.rows == 0);
}

// The rows can stay published only if the new name gives the same topics.
bool SnapshotMode::renamed(const TrackedFile& from, const TrackedFile& to,
                           const std::string& path) {
  const auto record = records_.find(from.id);
  const uint32_t scope = scope_of(from);
  if (record == records_.end() || records_.contains(to.id) || scope != scope_of(to)) return false;
  for (uint32_t index = 0; index < table_.slots_end(); ++index) {
    if (table_[index].file == from.id) table_[index].file = to.id;
  }
  record->second.faults.rename(path);
  records_.emplace(to.id, std::move(record->second));
  records_.erase(from.id);
  const auto owner = owners_.find(scope);
  if (owner != owners_.end() && owner->second.file == from.id) owner->second = {to.id, to.name};
  return true;
}

bool SnapshotMode::wants_again(const TrackedFile& file) {
  const auto at = records_.find(file.id);
  if (at == records_.end()) return false;
  const FileRecord& record = at->second;
  if (record.second_to != 0 && !owners_.contains(record.second_to)) return true;
  return record.conflicted && record.erasures != erasures_;
}

// An empty file is complete only with allow_empty, as for the guard. If rows of deleted files are
// kept during a run, the rows of files that were deleted before it must be kept, too.
FileMode::Coverage SnapshotMode::coverage_of(const TrackedFile& file) const {
  if (config_.many_files && config_.removed_file == RemovedFile::keep) return Coverage::no;
  if (config_.after != After::keep || !config_.error_dir.empty()) return Coverage::no;
  const auto at = records_.find(file.id);
  if (at == records_.end() || !at->second.accepted) return Coverage::no;
  const FileRecord& record = at->second;
  const bool believed = record.rows > 0 || config_.allow_empty;
  return believed && record.remark.empty() ? Coverage::all : Coverage::doubtful;
}

std::string SnapshotMode::summary() const {
  const size_t files = records_.size();
  uint64_t passed_over = 0;
  for (const auto& [id, record] : records_) passed_over += record.passed_over;
  return std::to_string(table_.size()) + (table_.size() == 1 ? " row of " : " rows of ") +
         std::to_string(files) + (files == 1 ? " file" : " files") +
         (passed_over == 0 ? "" : ", " + std::to_string(passed_over) + " passed over");
}

}  // namespace

std::unique_ptr<FileMode> make_snapshot_mode(const Config& config, plugin::Host& host) {
  return std::make_unique<SnapshotMode>(config, host);
}

}  // namespace btb::csv
