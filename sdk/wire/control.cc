#include "sdk/wire/control.h"

namespace btb::wire {

namespace {

std::string_view or_unknown(const char* name) {
  return *name == '\0' ? "unknown" : name;
}

}  // namespace

std::string_view name_of(Kind kind) {
  return or_unknown(fb::EnumNameKind(kind));
}
std::string_view name_of(Reason reason) {
  return or_unknown(fb::EnumNameReason(reason));
}
std::string_view name_of(Priority priority) {
  return or_unknown(fb::EnumNamePriority(priority));
}
std::string_view name_of(TopicKind kind) {
  return or_unknown(fb::EnumNameTopicKind(kind));
}

}  // namespace btb::wire
