// Tail: one file that is being followed through its own descriptor, whatever its name is: where it
// is read next, what its columns are called, and the rows behind. Resource; [source].
//
// A row is published once, when its line end is there. NUL bytes at the end of what there is are
// waited for, like a half line: somebody may have reserved the room and will write there. It may be
// of any size, and is not read into memory.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "plugins/csv/append_mark.h"
#include "plugins/csv/fault_log.h"
#include "plugins/csv/file_reader.h"
#include "plugins/csv/publisher.h"
#include "plugins/csv/table_text.h"
#include "sdk/plugin/source.h"

namespace btb::csv {

class Tail {
 public:
  // The token that a batch is published with, once this tail's mark is where the batch ends.
  using TokenMaker = std::function<std::string()>;
  // `file` is what `fd` leads to. Borrows `config` and `host`.
  Tail(const Config& config, plugin::Host& host, Descriptor fd, const Signature& file,
       const std::string& name, const std::string& path);

  [[nodiscard]] bool is_of(const Signature& file) const { return file_.is_same_file(file); }
  [[nodiscard]] int fd() const { return fd_.get(); }
  // Where it lies now.
  [[nodiscard]] const std::string& name() const { return name_; }
  void rename(const std::string& name, const std::string& path);

  // --- the beginning ---

  // Reads up to where the rows begin; false if even that is not there yet. With `known`, a header
  // that is not there is that one. Throws FileRefused.
  bool read_header(const Heading* known);
  [[nodiscard]] bool has_header() const { return layout_.has_value(); }
  // What was found by read_header, now or before; null: nothing yet. Also of a file that lay at the
  // same place before.
  [[nodiscard]] const Heading* heading() const { return heading_ ? &*heading_ : nullptr; }
  void expect(const Heading& heading) { heading_ = heading; }
  // Goes on at `known`, else behind the header. REQUIRES: has_header(). `skipping`: what is there
  // now is passed over. Throws FileRefused.
  void begin(const std::optional<AppendMark>& known, bool skipping);
  // It is to be begun anew: another header, another place.
  void forget_place() { layout_.reset(); }

  // --- the rows ---

  // Everything before it was published. Says something once it was begun.
  [[nodiscard]] const AppendMark& mark() const { return mark_; }
  // Publishes all rows that are there. REQUIRES: begun, and the mark fits. Throws FileRefused.
  void follow(const TokenMaker& token, int64_t now_ms);
  [[nodiscard]] uint64_t rows() const { return rows_; }  // published so far
  // Milliseconds until follow may have something to do although nobody wrote; none: it will not.
  [[nodiscard]] std::optional<int64_t> due_in(int64_t now_ms) const;
  // What an operator should know; empty: nothing.
  [[nodiscard]] std::string remark() const;
  // Much of what was read since it was begun could not be read.
  [[nodiscard]] bool is_short() const { return faults_.are_many(rows_here_ + faults_.count()); }

 private:
  // A quote that did not close so far, with whole lines behind it.
  struct OpenQuote {
    uint64_t offset = 0;  // of its row
    uint64_t line = 0;
    int64_t since_ms = 0;
    uint64_t lines = 0;        // behind it
    bool rows_behind = false;  // these look like rows
    bool waited = false;       // long enough, as of the last follow
  };

  bool pass_over_hole(std::string_view bytes);
  bool is_room(uint64_t end, size_t nuls);
  bool read_block(size_t& block_size, const TokenMaker& token);
  void publish_rows(const Text& text, Publisher& out, const TokenMaker& token);
  void publish_row(const Text& text, bool readable, Publisher& out);
  bool gives_up_quote(const Text& text);
  [[nodiscard]] bool rows_behind_quote(const Text& text) const;
  void note_hole(uint64_t offset, uint64_t line, uint64_t size_bytes);
  void set_mark(uint64_t offset, uint64_t line);
  [[nodiscard]] int64_t quote_patience_ms() const;

  const Config& config_;
  plugin::Host& host_;
  Descriptor fd_;
  Signature file_;  // device and inode count
  std::string name_;
  FaultLog faults_;
  std::optional<Heading> heading_;
  std::optional<RowLayout> layout_;
  Dialect dialect_;
  Encoding::Found encoding_;
  Parser parser_;
  uint64_t begin_offset_ = 0;  // behind the header
  uint64_t begin_line_ = 1;
  uint64_t offset_ = 0;  // of the next byte to read
  AppendMark mark_;
  bool skipping_ = false;  // read_from: end, and the end is not reached yet
  std::optional<OpenQuote> quote_;
  uint64_t only_nuls_until_ = 0;  // from offset_ on; a size that the file had
  uint64_t rows_ = 0;
  uint64_t rows_here_ = 0;  // of these, since the header was read last
  int64_t now_ms_ = 0;      // while it follows
  std::string key_, topic_, payload_;
};

}  // namespace btb::csv
