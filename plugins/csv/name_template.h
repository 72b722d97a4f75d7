// NameTemplate: a topic made of literal text and placeholders, "ward/{ward}/medication". Value;
// pure; [any] thread.
//
//   {ward}          the field of that column
//   {stem} {file}   the name of the file: stock.csv -> "stock", "stock.csv"; with ** in the path
//                   the directories below it are levels of their own: "2026/stock"
//   {column:stem}   the column, where its name is one of these two
//   {{ and }}       the braces themselves
//
// A field is encoded as one level (append_level), so a "/" in it makes no level of its own.
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
  [[nodiscard]] bool is_constant() const;
  // Of the name of a file what the topic has of it: files with the same part make the same topics.
  // Empty if it has nothing of it.
  [[nodiscard]] std::string_view file_part(std::string_view file_name) const;
  // The filter that matches all topics it can make. `deep`: the file may lie in directories below.
  [[nodiscard]] std::string filter(bool deep) const;
  // For people: "t/{ward}/stock" for t/{ward}/{stem} and stock.csv.
  [[nodiscard]] std::string shown(std::string_view file_name) const;

 private:
  void add_placeholder(std::string_view name);
  void check() const;
  std::vector<Part> parts_;
};

// Name without its last extension: "a.b.csv" -> "a.b", ".csv" -> ".csv", "d.d/a.csv" -> "d.d/a",
// and "a.csv.gz" -> "a".
std::string_view stem_of(std::string_view file_name);

// Why `name` cannot be a topic, null if it can. `name` was made by a template: only its length and
// levels are in doubt.
const char* made_topic_fault(std::string_view name);

}  // namespace btb::csv
