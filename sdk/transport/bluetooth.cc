// The parts: the kernel's numbers and structs, adapters and links, and then the functions of
// bluetooth.h in their order.
#include "sdk/transport/bluetooth.h"

#include <endian.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <span>

namespace btb::bluetooth {

namespace {

using Scheme = Endpoint::Scheme;

// --- the kernel's side (include/net/bluetooth/{bluetooth,l2cap,rfcomm,hci_sock}.h of Linux) ---

constexpr int protocol_l2cap = 0, protocol_hci = 1, protocol_rfcomm = 3;
constexpr int level_l2cap = 6, level_rfcomm = 18, level_bluetooth = 274;
constexpr int option_l2cap = 1, option_l2cap_link_mode = 3, option_rfcomm_link_mode = 3;
constexpr int option_send_mtu = 12, option_receive_mtu = 13;
constexpr int link_mode_central = 1;
constexpr uint8_t type_classic = 0, type_le_public = 1, type_le_random = 2;
constexpr unsigned long get_device_info = _IOR('H', 211, int);  // HCIGETDEVINFO
constexpr unsigned long get_links = _IOR('H', 212, int);        // HCIGETCONNLIST
constexpr uint16_t link_connected = 1;
constexpr uint8_t link_classic = 1;
constexpr uint32_t link_mode_encrypted = 4;
constexpr uint16_t adapters_max = 16;
constexpr size_t edr_3_octet = 3;  // of the features
constexpr uint8_t edr_3_bit = 4;

using DeviceAddress = std::array<uint8_t, 6>;  // the last byte of the written form first

struct L2capAddress {
  sa_family_t family;
  uint16_t psm;  // little-endian
  DeviceAddress device;
  uint16_t channel_id;
  uint8_t device_type;
};

struct RfcommAddress {
  sa_family_t family;
  DeviceAddress device;
  uint8_t channel;
};

struct L2capOptions {
  uint16_t send_mtu;
  uint16_t receive_mtu;
  uint16_t flush_timeout;
  uint8_t mode;
  uint8_t checksum;
  uint8_t transmissions_max;
  uint16_t window;
};

// The first fields of what HCIGETDEVINFO fills, and room for the others.
struct DeviceInfo {
  uint16_t id;
  std::array<char, 8> name;
  DeviceAddress address;
  uint32_t flags;
  uint8_t type;
  std::array<uint8_t, 8> features;  // the adapter's own (Core specification, volume 2, part C, 3.3)
  std::array<uint8_t, 115> rest;
};

static_assert(offsetof(DeviceInfo, features) == 21 && sizeof(DeviceInfo) >= 92);

struct LinkInfo {
  uint16_t handle;
  DeviceAddress address;
  uint8_t type;
  uint8_t outgoing;
  uint16_t state;
  uint32_t mode;
};
static_assert(sizeof(LinkInfo) == 16);

struct LinkList {
  uint16_t adapter;
  uint16_t count;  // what there is room for; then how many there are
  std::array<LinkInfo, 32> links;
};

// --- ours ---

constexpr uint32_t l2cap_head_bytes = 4;
// L2CAP's, and RFCOMM's own: address, control, two for the length, credits, check.
constexpr uint32_t rfcomm_head_bytes = l2cap_head_bytes + 6;
constexpr uint32_t edr_2_packet_bytes = 679, edr_3_packet_bytes = 1021;
constexpr uint32_t le_packet_bytes = 247, le_length_bytes = 2, le_packets = 4;

DeviceAddress parse_device(const std::string& text) {
  DeviceAddress device{};
  if (text.size() < 3 * device.size() - 1) return device;  // no address at all
  for (size_t i = 0; i < device.size(); ++i) {
    const char* at = text.data() + 3 * (device.size() - 1 - i);
    std::from_chars(at, at + 2, device[i], 16);
  }
  return device;
}

std::string text_of(const DeviceAddress& device) {
  std::string text;
  for (size_t i = device.size(); i-- > 0;) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    text += digits[device[i] >> 4];
    text += digits[device[i] & 15];
    if (i != 0) text += ':';
  }
  return text;
}

// The address of an adapter with this name.
std::optional<DeviceAddress> adapter_address(const std::string& name, int& fault) {
  const UniqueFd fd(::socket(AF_BLUETOOTH, SOCK_RAW | SOCK_CLOEXEC, protocol_hci));
  DeviceInfo info{};
  std::from_chars(name.data() + 3, name.data() + name.size(), info.id);
  if (!fd.valid() || ::ioctl(fd.get(), get_device_info, &info) != 0) {
    fault = errno;
    return std::nullopt;
  }
  // The adapter was just plugged in. All zero, as an address, would mean all adapters.
  if (info.address == DeviceAddress{}) {
    fault = ENODEV;
    return std::nullopt;
  }
  return info.address;
}

std::optional<DeviceAddress> device_of(const Endpoint& endpoint, int& fault) {
  if (endpoint.address == "*") return DeviceAddress{};
  if (endpoint.address.starts_with("hci")) return adapter_address(endpoint.address, fault);
  return parse_device(endpoint.address);
}

template <class Value>
bool get_option(int fd, int level, int name, Value& value) {
  socklen_t bytes = sizeof value;
  return ::getsockopt(fd, level, name, &value, &bytes) == 0;
}

template <class Value>
void set_option(int fd, int level, int name, const Value& value) {
  (void)::setsockopt(fd, level, name, &value, sizeof value);
}

// -1: no Bluetooth socket.
int protocol_of(int fd) {
  int domain = 0, protocol = 0;
  const bool known = get_option(fd, SOL_SOCKET, SO_DOMAIN, domain) && domain == AF_BLUETOOTH &&
                     get_option(fd, SOL_SOCKET, SO_PROTOCOL, protocol);
  return known ? protocol : -1;
}

bool is_l2cap(int fd) {
  return protocol_of(fd) == protocol_l2cap;
}

// All zero if it is not known.
DeviceAddress own_address(int fd) {
  sockaddr_storage own{};
  socklen_t bytes = sizeof own;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &bytes) != 0) return {};
  if (is_l2cap(fd)) return reinterpret_cast<const L2capAddress*>(&own)->device;
  return reinterpret_cast<const RfcommAddress*>(&own)->device;
}

// Every adapter, and a socket to ask more of it.
template <class Visit>
void for_each_adapter(const Visit& visit) {
  const UniqueFd fd(::socket(AF_BLUETOOTH, SOCK_RAW | SOCK_CLOEXEC, protocol_hci));
  for (uint16_t adapter = 0; fd.valid() && adapter < adapters_max; ++adapter) {
    DeviceInfo info{};
    info.id = adapter;
    if (::ioctl(fd.get(), get_device_info, &info) == 0) visit(info, fd.get());
  }
}

// Every link of every adapter that is up.
template <class Visit>
void for_each_link(const Visit& visit) {
  for_each_adapter([&](const DeviceInfo& info, int fd) {
    LinkList links{};
    links.adapter = info.id;
    links.count = static_cast<uint16_t>(links.links.size());
    if (::ioctl(fd, get_links, &links) != 0) return;
    const size_t count = std::min<size_t>(links.count, links.links.size());
    for (const LinkInfo& link : std::span(links.links).first(count)) {
      if (link.state == link_connected) visit(info, link);
    }
  });
}

// Bytes of the largest packet that this socket's adapter can send on a BR/EDR link. The kernel does
// not say what the other side or the link can do: BT_PHY answers EDR 3 always (Linux 6.12).
uint32_t edr_packet_bytes(int fd) {
  const DeviceAddress own = own_address(fd);
  uint32_t bytes = edr_3_packet_bytes;
  for_each_adapter([&](const DeviceInfo& adapter, int) {
    const bool edr_3 = (adapter.features[edr_3_octet] & edr_3_bit) != 0;
    if (adapter.address == own && !edr_3) bytes = edr_2_packet_bytes;
  });
  return bytes;
}

// How much to send at once, so that it ends where a radio packet ends; a few bytes more would cost
// a whole packet. More packets at once would save little, and an alert would wait longer.
uint32_t fill_packets(uint32_t mtu, uint32_t packet, uint32_t packets, uint32_t overhead) {
  const uint32_t fitting = std::min(packets, (mtu + overhead) / packet);
  return fitting == 0 ? mtu : fitting * packet - overhead;
}

}  // namespace

std::optional<Address> address_of(const Endpoint& endpoint, int& fault) {
  const auto device = device_of(endpoint, fault);
  if (!device) return std::nullopt;
  Address address;
  if (endpoint.scheme == Scheme::rfcomm) {
    const RfcommAddress rfcomm{AF_BLUETOOTH, *device, static_cast<uint8_t>(endpoint.port)};
    std::memcpy(&address.storage, &rfcomm, sizeof rfcomm);
    address.bytes = sizeof rfcomm;
    return address;
  }
  L2capAddress l2cap{AF_BLUETOOTH, htole16(endpoint.port), *device, 0, type_classic};
  if (endpoint.scheme == Scheme::le) {
    l2cap.device_type = endpoint.random_address ? type_le_random : type_le_public;
  }
  std::memcpy(&address.storage, &l2cap, sizeof l2cap);
  address.bytes = sizeof l2cap;
  return address;
}

UniqueFd make_socket(const Endpoint& endpoint) {
  const bool rfcomm = endpoint.scheme == Scheme::rfcomm;
  UniqueFd fd(::socket(AF_BLUETOOTH,
                       (rfcomm ? SOCK_STREAM : SOCK_SEQPACKET) | SOCK_NONBLOCK | SOCK_CLOEXEC,
                       rfcomm ? protocol_rfcomm : protocol_l2cap));
  if (!fd.valid()) return fd;
  set_option(fd.get(), SOL_SOCKET, SO_SNDBUF,
             rfcomm ? rfcomm_send_buffer_bytes : send_buffer_bytes);
  if (endpoint.scheme == Scheme::l2cap) {
    L2capOptions options{};
    if (get_option(fd.get(), level_l2cap, option_l2cap, options)) {
      options.receive_mtu = classic_mtu;
      options.send_mtu = classic_mtu;
      set_option(fd.get(), level_l2cap, option_l2cap, options);
    }
  }
  return fd;
}

void prepare_to_listen(int fd, const Endpoint& endpoint) {
  const int central = link_mode_central;
  if (endpoint.scheme == Scheme::l2cap) {
    set_option(fd, level_l2cap, option_l2cap_link_mode, central);
  } else if (endpoint.scheme == Scheme::rfcomm) {
    set_option(fd, level_rfcomm, option_rfcomm_link_mode, central);
  } else {
    set_option(fd, level_bluetooth, option_receive_mtu, le_mtu);
  }
}

// The kernel takes an MTU for LE once it knows that the socket is for LE.
bool prepare_to_connect(int fd, const Endpoint& endpoint, const std::string& adapter) {
  const bool le = endpoint.scheme == Scheme::le;
  if (!adapter.empty() || le) {
    const Endpoint own{endpoint.scheme, adapter.empty() ? "*" : adapter, 0};
    int fault = 0;
    const auto address = address_of(own, fault);
    if (!address) return errno = fault, false;
    if (::bind(fd, address->get(), address->bytes) != 0) return false;
  }
  if (le) set_option(fd, level_bluetooth, option_receive_mtu, le_mtu);
  return true;
}

bool has_link(int connecting, const Endpoint& endpoint) {
  const DeviceAddress own = own_address(connecting);
  const DeviceAddress device = parse_device(endpoint.address);
  bool there = false;
  for_each_link([&](const DeviceInfo& adapter, const LinkInfo& link) {
    there = there || (link.address == device && (own == DeviceAddress{} || adapter.address == own));
  });
  return there;
}

void tune_accepted(int fd) {
  set_option(fd, SOL_SOCKET, SO_SNDBUF,
             is_l2cap(fd) ? send_buffer_bytes : rfcomm_send_buffer_bytes);
}

uint32_t message_bytes_max(int fd) {
  const int protocol = protocol_of(fd);
  if (protocol == protocol_rfcomm) return edr_packet_bytes(fd) - rfcomm_head_bytes;
  if (protocol != protocol_l2cap) return 0;
  uint16_t le_mtu_of_peer = 0;
  if (get_option(fd, level_bluetooth, option_send_mtu, le_mtu_of_peer)) {
    return fill_packets(le_mtu_of_peer, le_packet_bytes, le_packets, le_length_bytes);
  }
  L2capOptions options{};
  if (!get_option(fd, level_l2cap, option_l2cap, options)) return 0;
  return fill_packets(options.send_mtu, edr_packet_bytes(fd), 1, l2cap_head_bytes);
}

std::string describe(int fd, const sockaddr_storage& peer) {
  if (!is_l2cap(fd)) {
    RfcommAddress rfcomm{};
    std::memcpy(&rfcomm, &peer, sizeof rfcomm);
    return "rfcomm " + text_of(rfcomm.device);
  }
  L2capAddress l2cap{};
  std::memcpy(&l2cap, &peer, sizeof l2cap);
  return (l2cap.device_type == type_classic ? "l2cap " : "le ") + text_of(l2cap.device);
}

std::vector<ClassicLink> classic_links() {
  std::vector<ClassicLink> found;
  for_each_link([&](const DeviceInfo& adapter, const LinkInfo& link) {
    if (link.type != link_classic) return;
    found.push_back({text_of(adapter.address), text_of(link.address), link.handle,
                     link.outgoing == 0, (link.mode & link_mode_encrypted) != 0});
  });
  return found;
}

}  // namespace btb::bluetooth
