// Tail: one growing file, which mode append follows through an open descriptor, even if the file is
// renamed. It knows the position up to which the file was read, and the names of the columns.
// Resource; [source].
//
// A row is published once, when its line end is there. NUL bytes at the end of the file are not
// read: a writer may have reserved this room and may fill it later. The file may have any size; it
// is read in blocks.
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
  // Makes the resume token of a batch. It is called when mark() is at the end of the batch.
  using TokenMaker = std::function<std::string()>;
  // `file` is the signature of the file behind `fd`. Owns `fd`. Borrows `config` and `host`.
  Tail(const Config& config, plugin::Host& host, Descriptor fd, const Signature& file,
       const std::string& name, const std::string& path);

  [[nodiscard]] bool is_of(const Signature& file) const { return file_.is_same_file(file); }
  [[nodiscard]] int fd() const { return fd_.get(); }
  // The file's last known name, relative to the directory.
  [[nodiscard]] const std::string& name() const { return name_; }
  void rename(const std::string& name, const std::string& path);

  // --- the beginning ---

  // Reads up to the first row; false if the file does not reach that far yet. `known` is used if
  // the file has no header. Throws FileRefused.
  bool read_header(const Heading* known);
  [[nodiscard]] bool has_header() const { return layout_.has_value(); }
  // The last header that read_header found or expect was given; null: none. Lives until the next
  // call of these.
  [[nodiscard]] const Heading* heading() const { return heading_ ? &*heading_ : nullptr; }
  // `heading` is that of the file that had the same name before this one.
  void expect(const Heading& heading) { heading_ = heading; }
  // Sets the position: at `known`, else behind the header. `skipping`: the rows that are there now
  // are not published. REQUIRES: has_header(). Throws FileRefused.
  void begin(const std::optional<AppendMark>& known, bool skipping);
  // The content was replaced: read_header and begin are needed again.
  void forget_place() { layout_.reset(); }

  // --- the rows ---

  // Everything in front of the mark was published or passed over. Valid after begin.
  [[nodiscard]] const AppendMark& mark() const { return mark_; }
  // Publishes all rows that are there. `now_ms` is clock.h's. REQUIRES: begin was called, and the
  // mark fits the file. Throws FileRefused and plugin::Stopped.
  void follow(const TokenMaker& token, int64_t now_ms);
  [[nodiscard]] uint64_t rows() const { return rows_; }  // published so far
  // Milliseconds until follow has work although nothing was written: an open quote to give up.
  // None: no such work.
  [[nodiscard]] std::optional<int64_t> due_in(int64_t now_ms) const;
  // A text for the operator about rows that cannot be read; empty: there are none.
  [[nodiscard]] std::string remark() const;
  // True if a tenth or more of the rows since read_header could not be read.
  [[nodiscard]] bool is_short() const { return faults_.are_many(rows_here_ + faults_.count()); }

 private:
  // A quote that is still open, with whole lines behind it.
  struct OpenQuote {
    uint64_t offset = 0;  // where its row begins in the file
    uint64_t line = 0;
    int64_t since_ms = 0;
    uint64_t lines = 0;        // lines behind the quote
    bool rows_behind = false;  // these lines look like rows
    bool waited = false;       // it was open for quote_patience_ms at the last follow
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
  Signature file_;  // as it was opened: for is_same_file
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
  bool skipping_ = false;  // read_from is end, and the end is not reached yet
  std::optional<OpenQuote> quote_;
  uint64_t only_nuls_until_ = 0;  // a size of the file at which only NUL bytes were left to read
  uint64_t rows_ = 0;
  uint64_t rows_here_ = 0;  // rows published since the header was read last
  int64_t now_ms_ = 0;      // the time that the last follow was given
  std::string key_, topic_, payload_;
};

}  // namespace btb::csv
