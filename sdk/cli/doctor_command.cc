// btctl doctor: one function look_at_... for each thing that is checked, then examine, which prints
// the findings.
#include "sdk/cli/doctor_command.h"

#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "sdk/base/unique_fd.h"
#include "sdk/bluez/scan.h"
#include "sdk/cli/output.h"
#include "sdk/cli/printable.h"

namespace btb::cli {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

struct Finding {
  enum class Kind : uint8_t { good, advice, bad } kind;
  std::string what;  // in plain words
  std::string cure;  // a command, or what to do
};
using Findings = std::vector<Finding>;

std::string first_line(const fs::path& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

std::vector<fs::path> entries(const fs::path& directory) {
  std::vector<fs::path> all;
  std::error_code fault;
  for (fs::directory_iterator it(directory, fault), end; !fault && it != end; it.increment(fault)) {
    all.push_back(it->path());
  }
  std::sort(all.begin(), all.end());
  return all;
}

// False if the kernel has no Bluetooth; then all other checks are pointless.
bool look_at_kernel(Findings& findings) {
  const UniqueFd fd(::socket(AF_BLUETOOTH, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (fd.valid()) {
    findings.push_back({Finding::Kind::good, "the kernel speaks Bluetooth", ""});
    return true;
  }
  const bool missing = errno == EAFNOSUPPORT;
  findings.push_back(
      {Finding::Kind::bad,
       missing ? "the kernel has no Bluetooth, or does not let this process have it (containers, "
                 "RestrictAddressFamilies)"
               : std::string("the kernel refuses a Bluetooth socket: ") + std::strerror(errno),
       missing ? "modprobe bluetooth; in a container, share the host's network" : ""});
  return false;
}

void look_at_version(Findings& findings) {
  utsname name{};
  int major = 0, minor = 0;
  if (::uname(&name) != 0 || std::sscanf(name.release, "%d.%d", &major, &minor) != 2) return;
  if (std::pair(major, minor) >= std::pair(6, 12)) return;
  findings.push_back({Finding::Kind::advice,
                      std::string("Linux ") + name.release +
                          " is older than what btbroker is tested with (6.12); 6.1 crashed there "
                          "when seven devices connected at once",
                      "on Debian 12: apt install linux-image-6.12-amd64 (bookworm-security)"});
}

void look_at_switches(Findings& findings) {
  for (const fs::path& entry : entries("/sys/class/rfkill")) {
    if (first_line(entry / "type") != "bluetooth") continue;
    const std::string name = first_line(entry / "name");
    if (first_line(entry / "hard") == "1") {
      findings.push_back(
          {Finding::Kind::bad, name + " is off by a switch of the machine",
           "look for a switch or a key for wireless, or in the firmware's settings"});
    } else if (first_line(entry / "soft") == "1") {
      findings.push_back({Finding::Kind::bad, name + " is blocked", "rfkill unblock bluetooth"});
    }
  }
}

void look_at_adapters(Findings& findings) {
  size_t count = 0;
  for (const fs::path& entry : entries("/sys/class/bluetooth")) {
    count += entry.filename().string().find(':') == std::string::npos ? 1 : 0;
  }
  if (count != 0) {
    findings.push_back(
        {Finding::Kind::good, std::to_string(count) + (count == 1 ? " adapter" : " adapters"), ""});
  } else {
    findings.push_back({Finding::Kind::bad, "there is no Bluetooth adapter",
                        "plug one in; if it is, dmesg | grep -i bluetooth tells what it lacks "
                        "(often a firmware package)"});
  }
}

void look_at_bluetoothd(Findings& findings) {
  const auto adapters = bluez::known_adapters();
  if (!adapters) {
    const std::string& text = adapters.error().text;
    const auto says = [&](const char* words) { return text.find(words) != std::string::npos; };
    const char* cure = "systemctl enable --now bluetooth (package bluez)";
    if (says("the system's D-Bus")) cure = "systemctl start dbus (package dbus)";
    if (says("AccessDenied"))
      cure = "let this user talk to org.bluez: the group bluetooth, or D-Bus's policy";
    findings.push_back({Finding::Kind::bad, text, cure});
    return;
  }
  findings.push_back({Finding::Kind::good, "bluetoothd answers", ""});
  for (const bluez::KnownAdapter& adapter : *adapters) {
    const std::string name = adapter.name + " " + adapter.address;
    if (adapter.powered) {
      findings.push_back({Finding::Kind::good, name + " is on", ""});
    } else {
      findings.push_back({Finding::Kind::bad, name + " is switched off",
                          "bluetoothctl power on (select " + adapter.address + " first)"});
    }
  }
}

// The path of the settings file that our systemd drop-in gives to bluetoothd; empty if the drop-in
// is not installed.
std::string settings_of_ours() {
  for (const char* units :
       {"/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"}) {
    std::ifstream in(std::string(units) + "/bluetooth.service.d/btbroker.conf");
    const std::string option = "--configfile ";
    for (std::string line; std::getline(in, line);) {
      const size_t at = line.find(option);
      if (!line.starts_with('#') && at != std::string::npos) return line.substr(at + option.size());
    }
  }
  return {};
}

// Names useful settings of bluetoothd that are not set. If they are set, their values are not
// checked. A machine for clients only needs TemporaryTimeout, the time until bluetoothd forgets a
// device. The others are for a machine with a broker (`./run install`).
void look_at_settings(Findings& findings) {
  struct Wish {
    const char* key;  // with its section
    const char* why;
    bool clients = false;  // a machine for clients needs it, too
  };
  constexpr Wish wishes[] = {
      {"[General]JustWorksRepairing", "a device that lost its key cannot connect"},
      {"[General]TemporaryTimeout", "links are cut 30 s after anybody listened around", true},
      {"[LE]MinAdvertisementInterval", "a broker is found in seconds, not at once"},
      {"[LE]MaxAdvertisementInterval", "a broker is found in seconds, not at once"},
      {"[LE]ConnectionSupervisionTimeout", "LE links end at the first fade"},
  };
  std::error_code fault;
  if (!fs::exists("/etc/bluetooth", fault)) return;
  const std::string ours = settings_of_ours();
  const bool own = !ours.empty();
  const bool broker = own || fs::exists("/etc/btbroker/broker.yaml", fault);
  const std::string file = own ? ours : "/etc/bluetooth/main.conf";
  std::ifstream in(file);
  if (!in) {
    findings.push_back({Finding::Kind::advice, file + " cannot be read",
                        "ls -l " + file + "; sudo btctl doctor may read it"});
    return;
  }
  std::string section, line, set = "\n";
  while (std::getline(in, line)) {
    if (line.starts_with('[')) section = line.substr(0, line.find(']') + 1);
    if (!line.starts_with('#')) set += section + line.substr(0, line.find_first_of(" =")) + "\n";
  }
  std::string missing, why;
  for (const Wish& wish : wishes) {
    if (!broker && !wish.clients) continue;
    if (set.find("\n" + std::string(wish.key) + "\n") != std::string::npos) continue;
    missing += (missing.empty() ? "" : ", ") + std::string(wish.key);
    if (why.find(wish.why) == std::string::npos)
      why += (why.empty() ? "" : "; ") + std::string(wish.why);
  }
  if (missing.empty()) return;
  findings.push_back(
      {Finding::Kind::advice, file + " says nothing of " + missing + ": " + why,
       std::string(own ? "cp configs/systemd/bluetooth.conf " +
                             fs::path(file).parent_path().string() + "/"
                   : broker ? "./run install, which brings them"
                            : "write TemporaryTimeout = 3600 below [General] there") +
           "; then systemctl restart bluetooth"});
}

const char* word(Finding::Kind kind) {
  switch (kind) {
    case Finding::Kind::good:
      return "good";
    case Finding::Kind::advice:
      return "advice";
    case Finding::Kind::bad:
      return "bad";
  }
  return "";
}

}  // namespace

int examine(const Program& program, bool json) {
  Findings findings;
  if (look_at_kernel(findings)) {
    look_at_version(findings);
    look_at_switches(findings);
    look_at_adapters(findings);
    look_at_bluetoothd(findings);
    look_at_settings(findings);
  }
  Output output(STDOUT_FILENO);
  Json all = Json::array();
  bool fine = true;
  for (const Finding& finding : findings) {
    fine = fine && finding.kind != Finding::Kind::bad;
    all.push_back({{"kind", word(finding.kind)}, {"what", finding.what}, {"cure", finding.cure}});
    if (json || (program.quiet() && finding.kind == Finding::Kind::good)) continue;
    std::string head = word(finding.kind);
    head.resize(8, ' ');
    output.buffer() += head + printable(finding.what) + "\n";
    if (!finding.cure.empty()) output.buffer() += "        -> " + printable(finding.cure) + "\n";
  }
  if (json) {
    output.buffer() = all.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  return static_cast<int>(program.written(output, fine ? Exit::ok : Exit::error));
}

}  // namespace btb::cli
