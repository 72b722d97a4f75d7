// Template: parsing the text into pieces, then filling in a message.
#include "sdk/cli/template.h"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "sdk/cli/json_text.h"
#include "sdk/cli/message_text.h"
#include "sdk/cli/printable.h"
#include "sdk/cli/time_text.h"
#include "sdk/wire/words.h"

namespace btb::cli {

namespace {

constexpr std::string_view fields =
    "topic, topic:N, key, payload, payload:NAME, seq, op, kind, size, snapshot, ts, time:FORMAT, "
    "json, hex";

std::string_view level_of(std::string_view topic, int wanted) {
  std::vector<std::string_view> levels;
  for (size_t begin = 0; begin <= topic.size();) {
    const size_t end = std::min(topic.find('/', begin), topic.size());
    levels.push_back(topic.substr(begin, end - begin));
    begin = end + 1;
  }
  const int count = static_cast<int>(levels.size());
  const int index = wanted > 0 ? wanted - 1 : count + wanted;
  return index >= 0 && index < count ? levels[static_cast<size_t>(index)] : std::string_view{};
}

// A member of a JSON object as text, strings without quotes; empty if there is no such member.
std::string member_of(std::string_view payload, const std::string& name) {
  std::string plain;  // JSON that is nested too deep counts as no object
  if (!append_compact_json(plain, payload)) return {};
  const auto object = nlohmann::json::parse(plain, nullptr, false);
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  if (found == object.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  return found->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Result<Template::Piece> Template::parse_field(std::string_view field) {
  struct Name {
    std::string_view name;
    Field field;
  };
  static constexpr std::array names{
      Name{"topic", Field::topic},     Name{"key", Field::key},
      Name{"payload", Field::payload}, Name{"seq", Field::seq},
      Name{"op", Field::op},           Name{"kind", Field::kind},
      Name{"size", Field::size},       Name{"snapshot", Field::snapshot},
      Name{"ts", Field::ts},           Name{"json", Field::json},
      Name{"hex", Field::hex}};
  Piece piece;
  for (const Name& known : names) {
    if (field == known.name) {
      piece.field = known.field;
      return piece;
    }
  }
  const size_t colon = field.find(':');
  const std::string_view name = field.substr(0, colon);
  piece.text = colon == std::string_view::npos ? "" : field.substr(colon + 1);
  if (name == "time") {
    piece.field = Field::time;
    if (piece.text.empty()) piece.text = "%H:%M:%S";
    return piece;
  }
  if (name == "payload" && !piece.text.empty()) {
    piece.field = Field::member;
    return piece;
  }
  if (name == "topic") {
    const char* end = piece.text.data() + piece.text.size();
    const auto [at, fault] = std::from_chars(piece.text.data(), end, piece.level);
    piece.field = Field::level;
    if (fault == std::errc{} && at == end && piece.level != 0) return piece;
  }
  return Error{Errc::invalid, "template: {" + std::string(field) + "} is not known; there are " +
                                  std::string(fields)};
}

Result<Template> Template::parse(std::string_view text) {
  Template result;
  std::string plain;
  const auto end_plain = [&] {
    if (plain.empty()) return;
    Piece piece;
    piece.text = std::exchange(plain, {});
    result.pieces_.push_back(std::move(piece));
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    if (rest.starts_with("{{") || rest.starts_with("}}")) {
      plain += text[i++];
    } else if (rest == "\\c") {
      result.newline_ = false;
      break;
    } else if (text[i] == '\\' && rest.size() > 1) {
      static constexpr std::string_view letters = "ntr0\\";
      static constexpr std::string_view meant("\n\t\r\0\\", 5);
      const size_t known = letters.find(text[++i]);
      if (known == std::string_view::npos) {
        return Error{Errc::invalid, std::string("template: \\") + text[i] +
                                        " is not known; there are \\n \\t \\r \\0 \\\\ and \\c"};
      }
      plain += meant[known];
    } else if (text[i] == '{') {
      const size_t end = text.find('}', i);
      if (end == std::string_view::npos) {
        return Error{Errc::invalid,
                     "template: the \"}\" after \"" + std::string(rest) + "\" is missing"};
      }
      end_plain();
      auto piece = parse_field(text.substr(i + 1, end - i - 1));
      if (!piece) return piece.error();
      result.pieces_.push_back(std::move(*piece));
      i = end;
    } else {
      plain += text[i];
    }
  }
  if (plain.ends_with('\0')) result.newline_ = false;
  end_plain();
  return result;
}

void Template::append_piece(std::string& out, const Piece& piece, const client::Topic& topic,
                            const client::Message& message) {
  switch (piece.field) {
    case Field::text:
      out += piece.text;
      break;
    case Field::topic:
      out += topic.name;
      break;
    case Field::level:
      out += level_of(topic.name, piece.level);
      break;
    case Field::key:
      out += as_text(message.key);
      break;
    case Field::payload:
      out += as_text(message.payload);
      break;
    case Field::member:
      out += member_of(as_text(message.payload), piece.text);
      break;
    case Field::seq:
      out += std::to_string(message.seq);
      break;
    case Field::op:
      out += op_of(message);
      break;
    case Field::kind:
      out += wire::name_of(topic.kind);
      break;
    case Field::size:
      out += std::to_string(message.payload.size());
      break;
    case Field::snapshot:
      out += message.snapshot ? "true" : "false";
      break;
    case Field::ts:
      append_utc(out, message.time_us);
      break;
    case Field::time:
      out += format_local(message.time_us, piece.text);
      break;
    case Field::json:
      append_json_line(out, topic, message);
      break;
    case Field::hex:
      append_hex(out, message.payload);
      break;
  }
}

void Template::append(std::string& out, const client::Topic& topic, const client::Message& message,
                      bool escape) const {
  std::string value;
  for (const Piece& piece : pieces_) {
    if (!escape || piece.field == Field::text) {
      append_piece(out, piece, topic, message);
      continue;
    }
    value.clear();
    append_piece(value, piece, topic, message);
    append_printable(out, value);
  }
  if (newline_) out += '\n';
}

}  // namespace btb::cli
