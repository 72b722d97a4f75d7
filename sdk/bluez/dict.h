// Reading the dictionaries in messages of BlueZ: a{sv} holds properties, a{sa{sv}} holds interfaces
// with their properties. The functions read from the message's position and leave it behind the
// dictionary. They stop early, without an error, if the message has another form.
#pragma once

#include <systemd/sd-bus.h>

#include <string>

namespace btb::bluez {

// The last part of an object's path: hci0 of "/org/bluez/hci0".
inline std::string last_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// Calls `each` with every key of a dictionary. Its keys are strings; `entry` is the type of its
// entries ("sv"), `value` the type of its values ("v"). `each` returns true if it has read the
// value from the message. If it returns false, the value is skipped.
template <class Each>
void for_each_entry(sd_bus_message* message, const char* entry, const char* value, Each each) {
  if (sd_bus_message_enter_container(message, 'a', ("{" + std::string(entry) + "}").c_str()) <= 0) {
    return;
  }
  while (sd_bus_message_enter_container(message, 'e', entry) > 0) {
    const char* name = nullptr;
    sd_bus_message_read(message, "s", &name);
    if (!each(std::string(name))) sd_bus_message_skip(message, value);
    sd_bus_message_exit_container(message);
  }
  sd_bus_message_exit_container(message);
}

template <class Each>
void for_each_property(sd_bus_message* message, Each each) {
  for_each_entry(message, "sv", "v", each);
}

template <class Each>
void for_each_interface(sd_bus_message* message, Each each) {
  for_each_entry(message, "sa{sv}", "a{sv}", each);
}

// For the answer of GetManagedObjects, an a{oa{sa{sv}}}: calls `each(object, interface)` for every
// interface of every object. `each` returns true if it has read the properties.
template <class Each>
void for_each_object(sd_bus_message* message, Each each) {
  if (sd_bus_message_enter_container(message, 'a', "{oa{sa{sv}}}") <= 0) return;
  while (sd_bus_message_enter_container(message, 'e', "oa{sa{sv}}") > 0) {
    const char* path = nullptr;
    sd_bus_message_read(message, "o", &path);
    const std::string object = path;
    for_each_interface(message, [&](const std::string& name) { return each(object, name); });
    sd_bus_message_exit_container(message);
  }
  sd_bus_message_exit_container(message);
}

}  // namespace btb::bluez
