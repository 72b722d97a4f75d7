#include "sdk/host/declared_topics.h"

#include "sdk/host/border.h"
#include "sdk/host/extension.h"
#include "sdk/wire/topic_name.h"

namespace btb::host {

namespace {

void take_declaration(void* context, const char* filter, btb_topic_kind kind) {
  auto& all = *static_cast<std::vector<DeclaredTopics>*>(context);
  const bool usable = filter != nullptr && wire::topic_filter_fault(filter) == nullptr &&
                      (kind == BTB_KIND_EVENTS || kind == BTB_KIND_STATE);
  if (!usable || all.size() >= declared_topics_max) return;
  all.push_back(
      {filter, kind == BTB_KIND_STATE ? wire::TopicKind::state : wire::TopicKind::events});
}

}  // namespace

std::vector<DeclaredTopics> declared_topics(const btb_plugin& plugin, const Settings& settings) {
  std::vector<DeclaredTopics> all;
  const auto* declares =
      static_cast<const btb_plugin_topics*>(extension_of(plugin, BTB_EXTENSION_TOPICS));
  if (declares == nullptr || declares->size < sizeof(btb_plugin_topics) ||
      declares->topics == nullptr)
    return all;
  const std::string escaped = escaped_from("topics", [&] {
    declares->topics(settings.view().data(), settings.view().size(), &take_declaration, &all);
  });
  if (!escaped.empty()) all.clear();
  return all;
}

}  // namespace btb::host
