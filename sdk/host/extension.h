// Extensions of a plugin: functions beyond the first version of the ABI. [any] thread.
#pragma once

#include "sdk/plugin/abi.h"

namespace btb::host {

// The extension with this name (BTB_EXTENSION_...); null if the plugin has none, or throws. Points
// into the library. Calls into the plugin.
const void* extension_of(const btb_plugin& plugin, const char* id);

}  // namespace btb::host
