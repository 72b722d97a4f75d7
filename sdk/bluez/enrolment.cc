// Enrolment: the object that bluetoothd calls as its pairing agent (agent_table), then registering
// it, then watching devices for new bonds.
#include "sdk/bluez/enrolment.h"

#include <systemd/sd-bus.h>

#include <utility>

#include "sdk/bluez/dict.h"

namespace btb::bluez {

namespace {

constexpr const char* agent_path = "/org/btbroker/agent";
constexpr const char* manager_interface = "org.bluez.AgentManager1";

int nothing(sd_bus_message* message, void*, sd_bus_error*) {
  return sd_bus_reply_method_return(message, nullptr);
}

int no(sd_bus_message* message, void*, sd_bus_error*) {
  return sd_bus_reply_method_errorf(message, "org.bluez.Error.Rejected",
                                    "this broker pairs without codes only");
}

const sd_bus_vtable agent_table[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Release", "", "", nothing, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("Cancel", "", "", nothing, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("RequestPinCode", "o", "s", no, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("DisplayPinCode", "os", "", no, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("RequestPasskey", "o", "u", no, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("DisplayPasskey", "ouq", "", no, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("RequestConfirmation", "ou", "", nothing, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("RequestAuthorization", "o", "", nothing, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("AuthorizeService", "os", "", nothing, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

}  // namespace

Enrolment::Enrolment(Bus& bus, Tell tell) : bus_(bus), tell_(std::move(tell)) {
  bus_.listen(
      "type='signal',sender='org.bluez',member='PropertiesChanged',arg0='org.bluez.Device1'",
      [this](sd_bus_message* signal) {
        const char* interface = nullptr;
        if (!is_open() || sd_bus_message_read(signal, "s", &interface) < 0) return;
        device_changed(sd_bus_message_get_path(signal), signal);
      });
}

Enrolment::~Enrolment() {
  close();
}

void Enrolment::open() {
  if (!is_open() && sd_bus_add_object_vtable(bus_.raw(), &agent_, agent_path, "org.bluez.Agent1",
                                             agent_table, this) < 0) {
    return;
  }
  register_again();
  tell_(true, "enrolment_open", "devices may pair");
}

void Enrolment::register_again() {
  if (!is_open()) return;
  const auto told = [this](sd_bus_message*, const std::string& error) {
    if (!error.empty()) tell_(false, "bluetooth_refused", "enrolment: " + error);
  };
  bus_.call(
      "/org/bluez", manager_interface, "RegisterAgent",
      [](sd_bus_message* call) {
        sd_bus_message_append(call, "os", agent_path, "NoInputNoOutput");
      },
      [told](sd_bus_message* answer, const std::string& error) {
        // It was open already: the operator has asked for more time. That is no error.
        if (error.find("AlreadyExists") == std::string::npos) told(answer, error);
      });
  bus_.call(
      "/org/bluez", manager_interface, "RequestDefaultAgent",
      [](sd_bus_message* call) { sd_bus_message_append(call, "o", agent_path); }, told);
}

void Enrolment::close() {
  if (!is_open()) return;
  bus_.call("/org/bluez", manager_interface, "UnregisterAgent",
            [](sd_bus_message* call) { sd_bus_message_append(call, "o", agent_path); }, {});
  sd_bus_slot_unref(std::exchange(agent_, nullptr));
  tell_(true, "enrolment_closed", "");
}

// A pairing is seen here, not in the agent: if both sides work without codes, the kernel agrees by
// itself and the agent is not asked.
void Enrolment::device_changed(const std::string& path, sd_bus_message* properties) {
  for_each_property(properties, [&](const std::string& name) {
    int bonded = 0;
    if (name != "Bonded" || sd_bus_message_read(properties, "v", "b", &bonded) < 0) return false;
    if (bonded != 0) tell_(true, "paired", last_of(path));
    return true;
  });
}

}  // namespace btb::bluez
