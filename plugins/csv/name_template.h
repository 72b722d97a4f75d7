// NameTemplate: a topic made of literal text and placeholders, "ward/{ward}/medication". Value;
// pure; [any] thread.
//
//   {ward}          the field of the column "ward"
//   {stem} {file}   the name of the file: for stock.csv "stock" and "stock.csv"; with ** in the
//                   path each directory below becomes a level: "2026/stock"
//   {column:stem}   the field of a column that is called "stem" or "file"
//   {{ and }}       the braces themselves
//
// A field is encoded as one level (append_level), so a "/" in it does not make another level.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace btb::csv {

class NameTemplate {
 public:
  struct Part {
    enum class Kind : unsigned char { literal, column, stem, file } kind = Kind::literal;
    std::string text;  // the literal, or the name of the column
  };

  // Throws std::invalid_argument, with a text for people, if `text` breaks the syntax or cannot
  // become a topic.
  explicit NameTemplate(std::string_view text);

  [[nodiscard]] const std::vector<Part>& parts() const { return parts_; }
  // True if the topic does not depend on any column.
  [[nodiscard]] bool is_constant() const;
  // The part of `file_name` that stands in the topic. Files with the same part make the same
  // topics. Empty if the topic has no part of the name. A view of `file_name`.
  [[nodiscard]] std::string_view file_part(std::string_view file_name) const;
  // The filter that matches all topics it can make. `deep`: files may lie in directories below.
  [[nodiscard]] std::string filter(bool deep) const;
  // For people: "t/{ward}/stock" for t/{ward}/{stem} and stock.csv.
  [[nodiscard]] std::string shown(std::string_view file_name) const;

 private:
  void add_placeholder(std::string_view name);
  void check() const;
  std::vector<Part> parts_;
};

// The name without its last extension: "a.b.csv" -> "a.b", ".csv" -> ".csv", "d.d/a.csv" ->
// "d.d/a", and "a.csv.gz" -> "a". A view of `file_name`.
std::string_view stem_of(std::string_view file_name);

// Why `name` cannot be a topic (static); null if it can. REQUIRES: a template made `name`, so only
// its length and its levels have to be checked.
const char* made_topic_fault(std::string_view name);

}  // namespace btb::csv
