// Reading the dictionaries of BlueZ's messages: a{sv}, properties, and a{sa{sv}}, interfaces with
// theirs. Functions over a message of sd-bus, which they leave behind the dictionary.
#pragma once

#include <systemd/sd-bus.h>

#include <string>

namespace btb::bluez {

// The last part of an object's path: hci0 of "/org/bluez/hci0".
inline std::string last_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// Calls `each` with every key of a dictionary of strings, whose entries are `entry` ("sv"); it
// reads the value and says so, or the value, a `value` ("v"), is skipped.
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

// Calls `each` with every object of an a{oa{sa{sv}}}, the answer of GetManagedObjects, and every
// interface of it.
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
