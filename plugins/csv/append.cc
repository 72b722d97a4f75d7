// Mode append: a file that grows. Rows are published once, when their line end is there; each block
// that is read is one batch, with the resume token behind it.
#include <algorithm>
#include <cerrno>
#include <map>

#include "plugins/csv/append_mark.h"
#include "plugins/csv/fault_log.h"
#include "plugins/csv/mode.h"
#include "plugins/csv/publisher.h"
#include "plugins/csv/table_text.h"

namespace btb::csv {

namespace {

constexpr size_t block_bytes = 256U << 10;
constexpr size_t head_bytes = 64U << 10;
constexpr size_t marks_kept_max = 64;  // of files that are not open any more

// A file that is being followed. Resource.
struct Tail {
  Tail(const Config& config, const std::string& path)
      : faults(config, path), parser(config.dialect) {}
  Descriptor fd;
  FaultLog faults;
  std::optional<RowLayout> layout;  // none: not even the header is there yet
  Encoding::Found encoding;
  Parser parser;
  uint64_t offset = 0;    // of the next byte to read
  AppendMark mark;        // everything before it was published; where to go on
  bool skipping = false;  // read_from: end, and the end is not reached yet
};

class AppendMode final : public FileMode {
 public:
  AppendMode(const Config& config, plugin::Host& host, std::string_view resume_token)
      : config_(config),
        host_(host),
        marks_(read_marks(resume_token)),
        first_start_(resume_token.empty()) {}

  Outcome take(const TrackedFile& file, const std::string& path, Visit visit,
               Signature& now) override;
  Outcome remove(const std::vector<const TrackedFile*>& gone, bool confirmed) override;
  void all_seen_once() override { first_start_ = false; }
  std::string summary() const override;

 private:
  Tail& tail_of(const TrackedFile& file, const std::string& path);
  static bool is_replaced(const Tail& tail, const std::string& path);
  bool begin(const TrackedFile& file, Tail& tail);
  std::optional<AppendMark> known_mark(const TrackedFile& file, int fd);
  void start_over(const TrackedFile& file, Tail& tail, const char* why);
  void follow(const TrackedFile& file, Tail& tail);
  bool read_block(Tail& tail, size_t& block_size);
  void publish_rows(Tail& tail, const Text& text, Publisher& out);
  void publish_row(Tail& tail, const Text& text, bool readable, Publisher& out);
  void set_mark(Tail& tail, uint64_t offset, uint64_t line);
  void retire(Tail& tail);
  std::string token() const;

  const Config& config_;
  plugin::Host& host_;
  std::map<uint16_t, Tail> tails_;
  std::vector<AppendMark> marks_;  // of files that are not open, the newest first
  bool first_start_;
  uint64_t rows_ = 0;
  std::string key_, topic_, payload_;
};

Tail& AppendMode::tail_of(const TrackedFile& file, const std::string& path) {
  const auto at = tails_.find(file.id);
  if (at != tails_.end()) return at->second;
  return tails_.try_emplace(file.id, config_, path).first->second;
}

Outcome AppendMode::take(const TrackedFile& file, const std::string& path, Visit, Signature&) {
  Tail& tail = tail_of(file, path);
  try {
    for (;;) {
      if (!tail.fd) {
        tail.fd = Descriptor(open_file(path));
        if (!tail.fd)
          return {errno == ENOENT ? Outcome::Kind::again : Outcome::Kind::unreadable,
                  "cannot be opened"};
        if (!look_at(tail.fd.get())) return {Outcome::Kind::refused, "not a regular file"};
        if (!begin(file, tail)) break;
      }
      try {
        follow(file, tail);
      } catch (const FileRefused&) {
        if (!is_replaced(tail, path)) throw;
      }
      if (!is_replaced(tail, path)) break;
      retire(tail);  // the old one is read to its end, or will never be
    }
  } catch (const FileRefused& refusal) {
    return {Outcome::Kind::refused, refusal.what()};
  }
  if (tail.faults.count() == 0) return {};
  return {Outcome::Kind::taken, std::to_string(tail.faults.count()) + " rows cannot be read"};
}

// True if another file lies at the path now.
bool AppendMode::is_replaced(const Tail& tail, const std::string& path) {
  const auto at_path = look_at(path);
  const auto followed = look_at(tail.fd.get());
  return at_path && followed &&
         (at_path->inode != followed->inode || at_path->device != followed->device);
}

// Finds out what the file is, and where to go on. False if there is too little of it yet.
bool AppendMode::begin(const TrackedFile& file, Tail& tail) {
  std::optional<std::string> head;
  std::optional<TableText> table;
  for (size_t size = head_bytes;; size *= 2) {
    head = read_at(tail.fd.get(), 0, size);
    if (!head) throw FileRefused("cannot be read");
    table.emplace(config_, *head, file.name, false);
    if (table->layout || head->size() < size || size > config_.dialect.row_bytes_max * 4) break;
  }
  if (!table->layout) {
    tail.fd.reset();
    return false;
  }
  tail.encoding = table->encoding;
  tail.layout = table->layout;
  tail.parser = Parser(table->dialect);
  tail.faults.begin();
  for (const std::string& remark : table->remarks) host_.warning(file.name + ": " + remark);
  const auto known = known_mark(file, tail.fd.get());
  const auto mark =
      known ? known
            : AppendMark::make(tail.fd.get(), table->byte_offset(table->parser.position()),
                               table->parser.line());
  if (!mark) throw FileRefused("cannot be read");
  tail.mark = *mark;
  tail.offset = mark->offset;
  tail.parser.restart(mark->line);
  tail.skipping = !known && first_start_ && config_.from_end;
  return true;
}

// The mark of an earlier run or under an earlier name, if it still fits.
std::optional<AppendMark> AppendMode::known_mark(const TrackedFile& file, int fd) {
  const auto info = look_at(fd);
  const auto at = std::find_if(marks_.begin(), marks_.end(), [&](const AppendMark& mark) {
    return info && mark.device == info->device && mark.inode == info->inode;
  });
  if (at == marks_.end()) return std::nullopt;
  const AppendMark mark = *at;
  marks_.erase(at);
  const char* why = mark.disagreement(fd);
  if (why == nullptr) return mark;
  host_.warning(file.name + ": " + why + ", so it is read from its beginning");
  return std::nullopt;
}

void AppendMode::start_over(const TrackedFile& file, Tail& tail, const char* why) {
  host_.warning(file.name + ": " + why + ", so it is read from its beginning");
  tail.layout.reset();
  (void)begin(file, tail);
}

// Publishes all rows that are there.
void AppendMode::follow(const TrackedFile& file, Tail& tail) {
  if (const char* why = tail.mark.disagreement(tail.fd.get())) start_over(file, tail, why);
  if (!tail.layout || !tail.fd) return;
  for (size_t size = block_bytes; read_block(tail, size);) (void)host_.paused();
  tail.skipping = false;
}

// False if there is nothing more for now. A row that does not fit into a block makes the next one
// larger.
bool AppendMode::read_block(Tail& tail, size_t& block_size) {
  const auto bytes = read_at(tail.fd.get(), tail.offset, block_size);
  if (!bytes) throw FileRefused("cannot be read any further");
  if (bytes->empty()) return false;
  const Text text(*bytes, tail.encoding, false);
  tail.parser.feed(text.utf8(), false);
  Publisher out(host_, [this](uint32_t, const std::string& reason) {
    btb_dead_letter letter{};
    letter.size = sizeof(letter);
    letter.reason = reason.c_str();
    host_.dead_letter(letter);
  });
  publish_rows(tail, text, out);
  const uint64_t read = text.byte_offset(tail.parser.position());
  tail.offset += read;
  if (read == 0 && bytes->size() == block_size) {
    block_size *= 2;
    return true;
  }
  return read > 0;
}

// Publishes the rows of a window as one batch. Its mark lies behind the last of them, never inside
// of something.
void AppendMode::publish_rows(Tail& tail, const Text& text, Publisher& out) {
  Parser& parser = tail.parser;
  size_t safe_position = 0;
  uint64_t safe_line = 0;  // 0: nothing to mark
  const auto finish_batch = [&] {
    if (safe_line != 0) set_mark(tail, tail.offset + text.byte_offset(safe_position), safe_line);
    out.finish(token());
  };
  for (;;) {
    const Parser::Step step = parser.next();
    if (step == Parser::Step::need_more || step == Parser::Step::end) return finish_batch();
    const bool readable = step == Parser::Step::row;
    try {
      if (!readable || !RowLayout::is_blank(parser.fields()))
        publish_row(tail, text, readable, out);
    } catch (const FileRefused&) {  // on_error: stop. The next look begins at this row again
      safe_position = parser.row_position();
      safe_line = parser.row_line();
      finish_batch();
      tail.offset += text.byte_offset(safe_position);
      parser.restart(safe_line);
      throw;
    }
    if (!parser.at_row_start()) continue;
    safe_position = parser.position();
    safe_line = parser.line();
    if (out.is_full()) finish_batch();
  }
}

void AppendMode::publish_row(Tail& tail, const Text& text, bool readable, Publisher& out) {
  if (tail.skipping) return;
  const std::vector<Field>& fields = tail.parser.fields();
  std::string_view key;
  topic_.clear();
  payload_.clear();
  RowFault fault = readable ? tail.layout->check(fields, tail.parser.raw())
                            : RowFault{tail.parser.fault(), tail.parser.fault_column()};
  if (!fault) fault = tail.layout->key(fields, key_, key);
  if (!fault) fault = tail.layout->topic(fields, topic_);
  if (!fault) fault = tail.layout->payload(fields, payload_);
  if (!fault) {
    out.put(topic_, key, payload_, Publisher::no_entry);
    ++rows_;
    return;
  }
  const size_t position = tail.parser.row_position();
  tail.faults.add(host_, fault,
                  {tail.parser.row_line(), tail.offset + text.byte_offset(position),
                   text.bytes_of(position, tail.parser.raw().size())});
  if (config_.errors_max > 0 && tail.faults.count() > config_.errors_max) {
    throw FileRefused(std::to_string(tail.faults.count()) +
                      " rows cannot be read, more than max_errors allows");
  }
}

void AppendMode::set_mark(Tail& tail, uint64_t offset, uint64_t line) {
  const auto mark = AppendMark::make(tail.fd.get(), offset, line);
  if (mark) tail.mark = *mark;
}

void AppendMode::retire(Tail& tail) {
  marks_.insert(marks_.begin(), tail.mark);
  if (marks_.size() > marks_kept_max) marks_.pop_back();
  tail.fd.reset();
  tail.layout.reset();
}

std::string AppendMode::token() const {
  std::vector<AppendMark> all;
  for (const auto& [id, tail] : tails_) {
    if (tail.fd) all.push_back(tail.mark);
  }
  all.insert(all.end(), marks_.begin(), marks_.end());
  return write_marks(all);
}

// A log that is thrown away takes nothing back.
Outcome AppendMode::remove(const std::vector<const TrackedFile*>& gone, bool) {
  for (const TrackedFile* file : gone) {
    const auto at = tails_.find(file->id);
    if (at == tails_.end()) continue;
    if (at->second.fd && at->second.layout) {
      try {
        follow(*file, at->second);
      } catch (const FileRefused& refusal) {
        host_.warning(file->name + ", which is gone: " + refusal.what());
      }
      retire(at->second);
    }
    tails_.erase(at);
  }
  return {};
}

std::string AppendMode::summary() const {
  return std::to_string(rows_) + " rows read from " + std::to_string(tails_.size()) +
         (tails_.size() == 1 ? " file" : " files");
}

}  // namespace

std::unique_ptr<FileMode> make_append_mode(const Config& config, plugin::Host& host,
                                           std::string_view resume_token) {
  return std::make_unique<AppendMode>(config, host, resume_token);
}

}  // namespace btb::csv
