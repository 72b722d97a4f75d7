#include "sdk/host/extension.h"

#include <cstddef>
#include <string>

#include "sdk/host/border.h"

namespace btb::host {

const void* extension_of(const btb_plugin& plugin, const char* id) {
  constexpr size_t reaches = offsetof(btb_plugin, get_extension) + sizeof(plugin.get_extension);
  if (plugin.size < reaches || plugin.get_extension == nullptr) return nullptr;
  const void* found = nullptr;
  const std::string escaped =
      escaped_from("get_extension", [&] { found = plugin.get_extension(id); });
  return escaped.empty() ? found : nullptr;
}

}  // namespace btb::host
