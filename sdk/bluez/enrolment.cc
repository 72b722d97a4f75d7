#include "sdk/bluez/enrolment.h"

#include <systemd/sd-bus.h>

#include <utility>

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

}  // namespace

struct EnrolmentTable {
  static int yes(sd_bus_message* message, void* self, sd_bus_error*);
  static const sd_bus_vtable all[];
};

const sd_bus_vtable EnrolmentTable::all[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Release", "", "", nothing, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("Cancel", "", "", nothing, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("RequestPinCode", "o", "s", no, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("DisplayPinCode", "os", "", no, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("RequestPasskey", "o", "u", no, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("DisplayPasskey", "ouq", "", no, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("RequestConfirmation", "ou", "", EnrolmentTable::yes, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("RequestAuthorization", "o", "", EnrolmentTable::yes, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("AuthorizeService", "os", "", nothing, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

Enrolment::Enrolment(Bus& bus, Tell tell) : bus_(bus), tell_(std::move(tell)) {}

Enrolment::~Enrolment() {
  close();
}

int EnrolmentTable::yes(sd_bus_message* message, void* self, sd_bus_error*) {
  const char* device = nullptr;
  if (sd_bus_message_read(message, "o", &device) >= 0 && device != nullptr) {
    const std::string path = device;
    static_cast<Enrolment*>(self)->tell_(true, "pairing", path.substr(path.rfind('/') + 1));
  }
  return sd_bus_reply_method_return(message, nullptr);
}

void Enrolment::open(std::vector<std::string> adapters) {
  adapters_ = std::move(adapters);
  if (!is_open() && sd_bus_add_object_vtable(bus_.raw(), &agent_, agent_path, "org.bluez.Agent1",
                                             EnrolmentTable::all, this) < 0) {
    return;
  }
  const auto told = [this](sd_bus_message*, const std::string& error) {
    if (!error.empty()) tell_(false, "bluetooth_refused", "enrolment: " + error);
  };
  bus_.call(
      "/org/bluez", manager_interface, "RegisterAgent",
      [](sd_bus_message* call) {
        sd_bus_message_append(call, "os", agent_path, "NoInputNoOutput");
      },
      [told](sd_bus_message* answer, const std::string& error) {
        // Opened again while it is open: it stays so for longer.
        if (error.find("AlreadyExists") == std::string::npos) told(answer, error);
      });
  bus_.call(
      "/org/bluez", manager_interface, "RequestDefaultAgent",
      [](sd_bus_message* call) { sd_bus_message_append(call, "o", agent_path); }, told);
  set_pairable(true);
  tell_(true, "enrolment_open", "devices may pair");
}

void Enrolment::close() {
  if (!is_open()) return;
  set_pairable(false);
  bus_.call("/org/bluez", manager_interface, "UnregisterAgent",
            [](sd_bus_message* call) { sd_bus_message_append(call, "o", agent_path); }, {});
  sd_bus_slot_unref(std::exchange(agent_, nullptr));
  tell_(true, "enrolment_closed", "");
}

void Enrolment::set_pairable(bool pairable) {
  for (const std::string& adapter : adapters_) {
    bus_.set_property(adapter, "org.bluez.Adapter1", "Pairable", pairable, {});
  }
}

}  // namespace btb::bluez
