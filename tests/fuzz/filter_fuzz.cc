// Fuzz target: a filter, a line end, a name.
#include <string>

#include "sdk/base/assert.h"
#include "sdk/base/bytes.h"
#include "sdk/base/limits.h"
#include "sdk/wire/topic_name.h"

namespace btb::wire {
namespace {

void check_name(std::string_view name) {
  BTB_ASSERT(is_utf8(name));
  BTB_ASSERT(!has_wildcard(name));
  BTB_ASSERT(topic_filter_fault(name) == nullptr);
  BTB_ASSERT(filter_matches(name, name));
  BTB_ASSERT(filter_matches("#", name) == !is_reserved(name));
  BTB_ASSERT(literal_prefix(name) == name);
}

void check_pair(std::string_view filter, std::string_view name) {
  if (!filter_matches(filter, name)) return;
  BTB_ASSERT(name.starts_with(literal_prefix(filter)));
  BTB_ASSERT(has_wildcard(filter) || filter == name);
  const std::string below = std::string(name) + "/x";
  if (topic_name_fault(below) == nullptr && filter.ends_with('#')) {
    BTB_ASSERT(filter_matches(filter, below));
  }
}

void check_level(std::string_view text) {
  const std::string level = to_level(text);
  const char* fault = topic_name_fault(level);
  BTB_ASSERT(fault == nullptr || level.size() > limits::topic_name_bytes_max);
  BTB_ASSERT(level.find('/') == std::string::npos && !is_reserved(level));
}

}  // namespace
}  // namespace btb::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace btb;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const size_t end = text.find('\n');
  const std::string filter = text.substr(0, end);
  const std::string name = end == std::string::npos ? std::string() : text.substr(end + 1);
  const bool name_good = wire::topic_name_fault(name) == nullptr;
  if (name_good) wire::check_name(name);
  if (wire::topic_filter_fault(filter) == nullptr) {
    BTB_ASSERT(wire::literal_prefix(filter).size() <= filter.size());
    if (name_good) wire::check_pair(filter, name);
  }
  wire::check_level(name);
  return 0;
}
