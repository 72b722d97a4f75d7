// Tail's parts: the beginning (header, position), the rows (blocks, holes, batches), and quotes
// that do not close.
#include "plugins/csv/tail.h"

#include <algorithm>

namespace btb::csv {

namespace {

constexpr size_t block_bytes = 256U << 10;
constexpr size_t head_bytes = 64U << 10;
// A quote may stay open for so many times `settle` when rows follow it.
constexpr int64_t quote_patience = 10;
constexpr int64_t quote_patience_min_ms = 500;
constexpr int quote_rows_looked_at = 3;

bool begins_with_hole(std::string_view bytes) {
  const size_t end = std::min(bytes.find_first_not_of('\0'), bytes.size());
  return end >= Parser::hole_bytes_min;
}

// The offset behind the last unit that has a byte other than NUL.
size_t end_of_text(std::string_view bytes, size_t unit_bytes) {
  const size_t end = bytes.find_last_not_of('\0') + 1;  // npos + 1 is 0
  return std::min(bytes.size(), (end + unit_bytes - 1) / unit_bytes * unit_bytes);
}

}  // namespace

Tail::Tail(const Config& config, plugin::Host& host, Descriptor fd, const Signature& file,
           const std::string& name, const std::string& path)
    : config_(config),
      host_(host),
      fd_(std::move(fd)),
      file_(file),
      name_(name),
      faults_(config, path),
      parser_(config.dialect) {}

void Tail::rename(const std::string& name, const std::string& path) {
  name_ = name;
  mark_.name = AppendMark::name_hash(name_);
  faults_.rename(path);
}

// --- the beginning ---

bool Tail::read_header(const Heading* known) {
  if (!config_.header) known = nullptr;
  const auto hole_end = first_byte_not_nul(fd_.get(), 0);
  if (!hole_end) return false;
  uint64_t begin = *hole_end < Parser::hole_bytes_min ? 0 : *hole_end;
  if (known != nullptr) begin -= begin % Encoding(known->encoding).find({}).unit_bytes;
  if (begin > 0 && config_.header && known == nullptr && config_.key.empty()) {
    throw FileRefused("it begins with " + std::to_string(begin) +
                      " NUL bytes, so its header is not known; put a whole file there");
  }
  std::optional<std::string> head;
  std::optional<TableText> table;
  for (size_t size = head_bytes;; size *= 2) {
    head = read_at(fd_.get(), begin, size);
    if (!head) throw FileRefused("cannot be read: " + system_text(errno));
    table.emplace(config_, *head, name_, false, known);
    if (table->layout || head->size() < size || size > config_.dialect.row_bytes_max * 4) break;
  }
  if (!table->layout) return false;
  faults_.begin();
  rows_here_ = 0;
  if (begin > 0) note_hole(0, 1, begin);
  encoding_ = table->encoding;
  layout_ = table->layout;
  heading_ = table->heading;
  dialect_ = table->dialect;
  parser_ = Parser(dialect_);
  quote_.reset();
  only_nuls_until_ = 0;
  begin_offset_ = begin + table->byte_offset(table->parser.position());
  begin_line_ = table->parser.line();
  for (const std::string& remark : table->remarks) host_.warning(name_ + ": " + remark);
  if (table->headerless)
    host_.warning(name_ +
                  ": its header is not there any more; its columns are taken to be the same");
  return true;
}

void Tail::begin(const std::optional<AppendMark>& known, bool skipping) {
  const auto mark = known ? known : AppendMark::make(fd_.get(), begin_offset_, begin_line_);
  if (!mark) throw FileRefused("cannot be read: " + system_text(errno));
  mark_ = *mark;
  mark_.device = file_.device;  // if this file is a copy, `known` is the mark of another file
  mark_.inode = file_.inode;
  mark_.born_ns = static_cast<uint64_t>(file_.born_ns);
  mark_.name = AppendMark::name_hash(name_);
  mark_.heading = config_.header && heading_ ? heading_->hash() : 0;
  offset_ = mark_.offset;
  parser_.restart(mark_.line);
  skipping_ = skipping;
}

// A hole counts as one bad row. The rows around it are published.
void Tail::note_hole(uint64_t offset, uint64_t line, uint64_t size_bytes) {
  host_.warning(name_ + ": a hole of " + std::to_string(size_bytes) +
                " NUL bytes; it was cut off while somebody wrote to it");
  faults_.add(host_, {Parser::hole_reason, 1}, {line, offset, {}});
}

// --- the rows ---

void Tail::follow(const TokenMaker& token, int64_t now_ms) {
  now_ms_ = now_ms;
  for (size_t size = block_bytes; read_block(size, token);) (void)host_.paused();
  skipping_ = false;
}

// False if there is no more to read now. If a row does not fit into a block, the next block is
// larger.
bool Tail::read_block(size_t& block_size, const TokenMaker& token) {
  const auto bytes = read_at(fd_.get(), offset_, block_size);
  if (!bytes) throw FileRefused("cannot be read any further: " + system_text(errno));
  if (bytes->empty()) return false;
  std::string_view window = *bytes;
  const bool single_bytes = encoding_.unit_bytes == 1;
  if (single_bytes && parser_.at_row_start() && begins_with_hole(window))
    return pass_over_hole(window);
  window = window.substr(0, end_of_text(window, encoding_.unit_bytes));
  const size_t nuls = bytes->size() - window.size();
  const bool to_the_end = bytes->size() < block_size;
  if (nuls > 0 && !to_the_end && bytes->size() > config_.dialect.row_bytes_max &&
      !is_room(offset_ + bytes->size(), nuls))
    window = *bytes;
  const Text text(window, encoding_, false);
  parser_.feed(text.utf8(), false);
  Publisher out(host_, [this](uint32_t, const std::string& reason) {
    btb_dead_letter letter{};
    letter.size = sizeof(letter);
    letter.reason = reason.c_str();
    host_.dead_letter(letter);
  });
  publish_rows(text, out, token);
  const uint64_t read = text.byte_offset(parser_.position());
  offset_ += read;
  if (read == 0 && !to_the_end) {
    if (nuls > 0 && is_room(offset_ + bytes->size(), nuls)) return false;
    block_size *= 2;
    return true;
  }
  return read > 0;
}

// True if the file has only NUL bytes from `end` on. The block in front of `end` ends in `nuls` NUL
// bytes. A large reserved room is not read at each look: a writer fills it from its front.
bool Tail::is_room(uint64_t end, size_t nuls) {
  const auto now = look_at(fd_.get());
  if (now && now->size_bytes == only_nuls_until_ && nuls >= block_bytes / 2) return true;
  if (first_byte_not_nul(fd_.get(), end)) return false;
  only_nuls_until_ = now ? now->size_bytes : 0;
  return true;
}

// False if the file has only NUL bytes up to its end: a writer may still fill them.
bool Tail::pass_over_hole(std::string_view bytes) {
  const auto now = look_at(fd_.get());
  if (bytes.find_first_not_of('\0') == std::string_view::npos && now &&
      now->size_bytes == only_nuls_until_)
    return false;
  const auto end = first_byte_not_nul(fd_.get(), offset_);
  if (!end) {
    only_nuls_until_ = now ? now->size_bytes : 0;
    return false;
  }
  note_hole(offset_, parser_.line(), *end - offset_);
  offset_ = *end;
  return true;
}

// Publishes the rows of a window in batches. The mark of a batch is behind its last row, never
// inside a row or a comment.
void Tail::publish_rows(const Text& text, Publisher& out, const TokenMaker& token) {
  size_t safe_position = 0;
  uint64_t safe_line = 0;  // 0: nothing to mark
  const auto finish_batch = [&] {
    if (safe_line != 0) set_mark(offset_ + text.byte_offset(safe_position), safe_line);
    out.finish(token());
  };
  for (;;) {
    Parser::Step step = parser_.next();
    if (step == Parser::Step::need_more || step == Parser::Step::end) {
      if (!gives_up_quote(text)) return finish_batch();
      step = parser_.give_up_quote();
    }
    const bool readable = step == Parser::Step::row;
    try {
      if (!readable || !layout_->passes_over(parser_.fields())) publish_row(text, readable, out);
    } catch (const FileRefused&) {
      // on_error or max_errors: the next look begins at this row.
      safe_position = parser_.row_position();
      safe_line = parser_.row_line();
      finish_batch();
      offset_ += text.byte_offset(safe_position);
      parser_.restart(safe_line);
      throw;
    }
    if (!parser_.at_row_start()) continue;
    safe_position = parser_.position();
    safe_line = parser_.line();
    if (out.is_full()) finish_batch();
  }
}

void Tail::publish_row(const Text& text, bool readable, Publisher& out) {
  if (skipping_) return;
  const std::vector<Field>& fields = parser_.fields();
  std::string_view key;
  topic_.clear();
  payload_.clear();
  RowFault fault = readable ? layout_->check(fields, parser_.raw())
                            : RowFault{parser_.fault(), parser_.fault_column()};
  if (!fault) fault = layout_->key(fields, key_, key);
  if (!fault) fault = layout_->topic(fields, topic_);
  if (!fault) fault = layout_->payload(fields, payload_);
  if (!fault) {
    out.put(topic_, key, payload_, Publisher::no_entry);
    ++rows_;
    ++rows_here_;
    return;
  }
  const size_t position = parser_.row_position();
  faults_.add(host_, fault,
              {parser_.row_line(), offset_ + text.byte_offset(position),
               text.bytes_of(position, parser_.raw().size())});
  if (config_.errors_max > 0 && faults_.count() > config_.errors_max) {
    throw FileRefused(std::to_string(faults_.count()) +
                      " rows cannot be read, more than max_errors allows");
  }
}

void Tail::set_mark(uint64_t offset, uint64_t line) {
  auto mark = AppendMark::make(fd_.get(), offset, line);
  if (!mark) return;
  mark->heading = mark_.heading;
  mark->name = mark_.name;
  mark_ = *mark;
}

// --- a quote that does not close ---

// True if a quote has been open for long and the lines behind it look like rows: then it is a stray
// quote. Lines of a long text that is still being written do not look like rows.
bool Tail::gives_up_quote(const Text& text) {
  const uint64_t lines = parser_.lines_in_open_quote();
  if (lines == 0) {
    quote_.reset();
    return false;
  }
  const uint64_t offset = offset_ + text.byte_offset(parser_.row_position());
  if (!quote_ || quote_->offset != offset) {
    quote_.emplace();
    quote_->offset = offset;
    quote_->line = parser_.row_line();
    quote_->since_ms = now_ms_;
  }
  quote_->lines = lines;
  quote_->rows_behind = rows_behind_quote(text);
  quote_->waited = now_ms_ - quote_->since_ms >= quote_patience_ms();
  return quote_->rows_behind && quote_->waited;
}

bool Tail::rows_behind_quote(const Text& text) const {
  const size_t columns = layout_->names().size();
  const std::string_view rest = text.utf8().substr(parser_.row_position());
  const size_t line_end = rest.find_first_of("\r\n");
  if (columns < 2 || line_end == std::string_view::npos) return false;
  Parser probe(dialect_);
  probe.feed(rest.substr(line_end), false);
  int rows = 0;
  for (auto step = probe.next(); step != Parser::Step::need_more && rows < quote_rows_looked_at;
       step = probe.next(), ++rows) {
    if (step != Parser::Step::row || probe.fields().size() != columns) return false;
  }
  return rows > 0;
}

int64_t Tail::quote_patience_ms() const {
  return std::max(config_.settle_ms * quote_patience, quote_patience_min_ms);
}

std::optional<int64_t> Tail::due_in(int64_t now_ms) const {
  if (!quote_) return std::nullopt;
  if (quote_->waited) return std::nullopt;
  return std::max<int64_t>(0, quote_->since_ms + quote_patience_ms() - now_ms);
}

std::string Tail::remark() const {
  std::string text = faults_.text(0);
  if (quote_ && quote_->waited) {
    text += (text.empty() ? "" : "; ") + std::string("the quote in line ") +
            std::to_string(quote_->line) + " is not closed, " + std::to_string(quote_->lines) +
            " lines behind it wait: close it there, or set `quote: none`";
  }
  return text;
}

}  // namespace btb::csv
