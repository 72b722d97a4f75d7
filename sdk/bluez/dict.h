// Reading the dictionaries of BlueZ's messages: a{sv}, properties, and a{sa{sv}}, interfaces with
// theirs. Functions over a message of sd-bus, which they leave behind the dictionary.
#pragma once

#include <systemd/sd-bus.h>

#include <string>

namespace btb::bluez {

// Calls `each` with every name of an a{sv}; it reads the variant and says so, or it is skipped.
template <class Each>
void for_each_property(sd_bus_message* message, Each each) {
  if (sd_bus_message_enter_container(message, 'a', "{sv}") <= 0) return;
  while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
    const char* name = nullptr;
    sd_bus_message_read(message, "s", &name);
    if (!each(std::string(name))) sd_bus_message_skip(message, "v");
    sd_bus_message_exit_container(message);
  }
  sd_bus_message_exit_container(message);
}

// Calls `each` with every interface of an a{sa{sv}}; it reads the properties and says so.
template <class Each>
void for_each_interface(sd_bus_message* message, Each each) {
  if (sd_bus_message_enter_container(message, 'a', "{sa{sv}}") <= 0) return;
  while (sd_bus_message_enter_container(message, 'e', "sa{sv}") > 0) {
    const char* name = nullptr;
    sd_bus_message_read(message, "s", &name);
    if (!each(std::string(name))) sd_bus_message_skip(message, "a{sv}");
    sd_bus_message_exit_container(message);
  }
  sd_bus_message_exit_container(message);
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
