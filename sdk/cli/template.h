// Template: the text of btsub -F, with fields in braces. It is parsed once. Value type; [any]
// thread.
//
//   {topic} {key} {payload} {seq} {op} {kind} {size} {snapshot} {ts} {time:FORMAT} {json} {hex}
//   {topic:N}       the N-th level, from 1; from the end if negative
//   {payload:NAME}  a member of a payload that is a JSON object
//   {{ and }}       braces
//   \n \t \r \0 \\  as in C
//   \c              at the end: no newline after the message
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sdk/base/result.h"
#include "sdk/client/handler.h"

namespace btb::cli {

class Template {
 public:
  // The error says where the template is wrong, and which fields there are.
  static Result<Template> parse(std::string_view text);

  // Appends the message and, unless the template ends with \c, a newline. `escape`: text from
  // outside is made printable.
  void append(std::string& out, const client::Topic& topic, const client::Message& message,
              bool escape) const;

 private:
  enum class Field : uint8_t {
    text,
    topic,
    level,
    key,
    payload,
    member,
    seq,
    op,
    kind,
    size,
    snapshot,
    ts,
    time,
    json,
    hex
  };
  struct Piece {
    Field field = Field::text;
    std::string text;  // literal text, or the part of a field behind its colon
    int level = 0;
  };
  Template() = default;
  static Result<Piece> parse_field(std::string_view field);
  static void append_piece(std::string& out, const Piece& piece, const client::Topic& topic,
                           const client::Message& message);

  std::vector<Piece> pieces_;
  bool newline_ = true;
};

}  // namespace btb::cli
