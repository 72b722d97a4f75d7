// A source whose texts are Latin-1, as of a plugin that hands on what its database said.
#include "tests/plugins/fixtures/misbehaving.h"

namespace {

btb_status run(void* self, btb_bytes) {
  fixture::host_of(self)->set_state(fixture::host_of(self), BTB_STATE_LIVE, "caf\xE9 closed");
  return fixture::wait_for_stop(self);
}

const btb_source* create(const btb_host* host, const btb_setting*, size_t) {
  return fixture::make(host, &run);
}

}  // namespace

extern "C" BTB_EXPORT const btb_plugin* btb_plugin_entry(const uint32_t*, size_t) {
  static const btb_plugin plugin = {sizeof(btb_plugin),
                                    BTB_ABI_MAJOR,
                                    BTB_ABI_MINOR,
                                    "latin1",
                                    "2.0 \xE9t\xE9",
                                    "Says it in Latin-1",
                                    nullptr,
                                    0,
                                    nullptr,
                                    &create,
                                    nullptr};
  return &plugin;
}
