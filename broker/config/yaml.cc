// Parts: building the tree from the events of yaml-cpp, within bounds; better words for its errors;
// checks of the bytes before it sees them.
#include "broker/config/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "sdk/host/values.h"
#include "sdk/wire/topic_name.h"

namespace btb {
namespace {

host::Place place_of(const YAML::Mark& mark) {
  return {mark.line + 1, mark.column + 1};
}

// Thrown if the text exceeds a bound. It goes through yaml-cpp, and never leaves this file.
struct Excess {
  YamlFault fault;
};

size_t count_nodes(const YamlNode& node) {
  size_t count = 1;
  for (const YamlNode& item : node.items) count += count_nodes(item);
  return count;
}

size_t depth_of(const YamlNode& node) {
  size_t depth = 0;
  for (const YamlNode& item : node.items) depth = std::max(depth, depth_of(item));
  return depth + 1;
}

// Builds the tree from the parser's events.
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(std::vector<YamlFault>& faults) : faults_(faults) {}

  YamlNode root;

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(make(YamlNode::Kind::none, mark), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(tag, mark);
    YamlNode node = make(YamlNode::Kind::scalar, mark);
    node.text = value;
    add(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw Excess{{place_of(mark), "an alias inside of what it names"}};
    spend(count_nodes(found->second), mark);
    YamlNode node = found->second;
    if (open_.size() + depth_of(node) > yaml_depth_max) too_deep(mark);
    node.place = place_of(mark);
    add(std::move(node), 0);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    check_tag(tag, mark);
    begin(YamlNode::Kind::list, mark, anchor);
  }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    check_tag(tag, mark);
    begin(YamlNode::Kind::map, mark, anchor);
  }

  void OnSequenceEnd() override { end(); }

  void OnMapEnd() override {
    sort_out_keys(open_.back().node);
    end();
  }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor;
  };

  YamlNode make(YamlNode::Kind kind, const YAML::Mark& mark) {
    spend(1, mark);
    YamlNode node;
    node.kind = kind;
    node.place = place_of(mark);
    return node;
  }

  void spend(size_t nodes, const YAML::Mark& mark) {
    nodes_ += nodes;
    if (nodes_ > yaml_nodes_max) {
      throw Excess{{place_of(mark), "more than " + std::to_string(yaml_nodes_max) +
                                        " values, aliases counted as often as they are used"}};
    }
  }

  [[noreturn]] static void too_deep(const YAML::Mark& mark) {
    throw Excess{
        {place_of(mark), "nested deeper than " + std::to_string(yaml_depth_max) + " levels"}};
  }

  // "?" is the tag of a plain scalar, "!" of a quoted one. Other tags are types that we do not
  // know.
  void check_tag(const std::string& tag, const YAML::Mark& mark) {
    if (tag.empty() || tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,2002:")) return;
    faults_.push_back({place_of(mark), "the tag " + tag + " means nothing here"});
  }

  void begin(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (open_.size() >= yaml_depth_max) too_deep(mark);
    open_.push_back({make(kind, mark), anchor});
  }

  void end() {
    Open done = std::move(open_.back());
    open_.pop_back();
    add(std::move(done.node), done.anchor);
  }

  void add(YamlNode node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      root = std::move(node);
      return;
    }
    YamlNode& parent = open_.back().node;
    const bool is_value = parent.kind == YamlNode::Kind::map && parent.items.size() % 2 == 1;
    // A missing value has no place of its own. It gets the place of its key.
    if (is_value && node.kind == YamlNode::Kind::none) node.place = parent.items.back().place;
    parent.items.push_back(std::move(node));
  }

  // Reports keys that are not scalars and keys that come twice, and removes them.
  void sort_out_keys(YamlNode& map) {
    std::map<std::string, host::Place> seen;
    std::vector<YamlNode> kept;
    for (size_t i = 0; i + 1 < map.items.size(); i += 2) {
      YamlNode& key = map.items[i];
      if (key.kind != YamlNode::Kind::scalar) {
        faults_.push_back({key.place, "a key must be a single word"});
        continue;
      }
      const auto [first, is_new] = seen.emplace(key.text, key.place);
      if (!is_new) {
        faults_.push_back({key.place, "`" + key.text + "` is here twice, first in line " +
                                          std::to_string(first->second.line)});
        continue;
      }
      kept.push_back(std::move(key));
      kept.push_back(std::move(map.items[i + 1]));
    }
    map.items = std::move(kept);
  }

  std::vector<YamlFault>& faults_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  size_t nodes_ = 0;
};

std::string_view line_of(std::string_view text, int number) {
  for (int line = 0; line < number; ++line) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// The column of the first tab in the indentation of a line, from 1; 0: there is none.
int tab_in_indentation(std::string_view line) {
  const size_t text = std::min(line.find_first_not_of(" \t"), line.size());
  const size_t tab = line.substr(0, text).find('\t');
  return tab == std::string_view::npos ? 0 : static_cast<int>(tab) + 1;
}

// Says in better words what yaml-cpp reports. The usual cause of strange reports is a tab in the
// indentation.
YamlFault explain(std::string_view text, const YAML::Exception& exception) {
  for (const int line : {exception.mark.line, exception.mark.line - 1}) {
    const int column = line < 0 ? 0 : tab_in_indentation(line_of(text, line));
    if (column > 0)
      return {{line + 1, column}, "a tab in the indentation; YAML wants spaces there"};
  }
  std::string reason = "not YAML: " + exception.msg;
  if (exception.msg == "illegal map value") {
    reason =
        "not YAML: a `:` where none can stand; is a quote missing, or is the line indented too "
        "far?";
  } else if (exception.msg.starts_with("end of map not found")) {
    reason = "not YAML: this line is not indented like the ones before it";
  } else if (exception.msg.starts_with("end of map flow") &&
             line_of(text, exception.mark.line).find("${") != std::string_view::npos) {
    reason = "not YAML: ${...} has to be quoted inside of { }";
  } else if (exception.msg.starts_with("end of sequence flow") ||
             exception.msg.starts_with("end of map flow")) {
    reason = "not YAML: a [ or { that is not closed, or a quote that is not";
  }
  return {place_of(exception.mark), reason};
}

std::optional<YamlFault> fault_of_bytes(std::string_view text) {
  if (text.size() > yaml_bytes_max) {
    return YamlFault{{}, "larger than " + host::show_size(yaml_bytes_max)};
  }
  int line = 1;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::string_view row = text.substr(0, end);
    if (!wire::is_utf8(row)) return YamlFault{{line, 1}, "this line is not UTF-8"};
    if (const size_t at = row.find('\0'); at != std::string_view::npos) {
      return YamlFault{{line, static_cast<int>(at) + 1}, "a zero byte: this is not a text file"};
    }
    text.remove_prefix(end);
    ++line;
  }
  return std::nullopt;
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  if (kind != Kind::map) return nullptr;
  for (size_t i = 0; i + 1 < items.size(); i += 2) {
    if (items[i].text == key) return &items[i + 1];
  }
  return nullptr;
}

std::optional<YamlNode> parse_yaml(std::string_view text, std::vector<YamlFault>& faults) {
  if (std::optional<YamlFault> fault = fault_of_bytes(text)) {
    faults.push_back(std::move(*fault));
    return std::nullopt;
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder(faults);
    parser.HandleNextDocument(builder);
    YamlNode root = std::move(builder.root);
    std::vector<YamlFault> ignored;
    Builder second(ignored);
    if (parser.HandleNextDocument(second)) {
      faults.push_back({second.root.place, "a second document; a configuration is one"});
    }
    return root;
  } catch (const Excess& excess) {
    faults.push_back(excess.fault);
  } catch (const YAML::Exception& exception) {
    faults.push_back(explain(text, exception));
  } catch (const std::exception& exception) {
    faults.push_back({{}, std::string("not YAML: ") + exception.what()});
  }
  return std::nullopt;
}

}  // namespace btb
