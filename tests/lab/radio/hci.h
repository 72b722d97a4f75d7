// The numbers of HCI that the radio speaks: opcodes, events, statuses (Core specification 5.4,
// volume 4, part E, sections 5.4 and 7; volume 1, part F).
#pragma once

#include <cstdint>

namespace btb::lab::hci {

// What an H4 packet is, its first byte.
enum class Type : uint8_t { command = 1, acl = 2, event = 4, vendor = 0xFF };

namespace status {
enum Status : uint8_t {
  ok = 0x00,
  unknown_command = 0x01,
  unknown_connection = 0x02,
  page_timeout = 0x04,
  authentication_failure = 0x05,
  key_missing = 0x06,
  connection_timeout = 0x08,
  connection_limit = 0x09,
  connection_exists = 0x0B,
  disallowed = 0x0C,
  limited_resources = 0x0D,
  invalid_parameters = 0x12,
  ended_by_user = 0x13,
  powered_off = 0x15,
  ended_by_local_host = 0x16,
  unsupported_feature = 0x1A,
  pairing_not_allowed = 0x18,
  unknown_advertising = 0x42,
};
}  // namespace status

namespace event {
enum Event : uint8_t {
  inquiry_complete = 0x01,
  connection_complete = 0x03,
  connection_request = 0x04,
  disconnection_complete = 0x05,
  authentication_complete = 0x06,
  remote_name = 0x07,
  encryption_change = 0x08,
  remote_features = 0x0B,
  remote_version = 0x0C,
  command_complete = 0x0E,
  command_status = 0x0F,
  role_change = 0x12,
  completed_packets = 0x13,
  mode_change = 0x14,
  link_key_request = 0x17,
  link_key_notification = 0x18,
  packet_type_changed = 0x1D,
  remote_extended_features = 0x23,
  extended_inquiry_result = 0x2F,
  io_capability_request = 0x31,
  io_capability_response = 0x32,
  user_confirmation_request = 0x33,
  simple_pairing_complete = 0x36,
  le_meta = 0x3E,
};
}  // namespace event

namespace le_event {
enum LeEvent : uint8_t {
  connection_complete = 0x01,
  advertising_report = 0x02,
  connection_update = 0x03,
  remote_features = 0x04,
  long_term_key_request = 0x05,
  data_length_change = 0x07,
  phy_update = 0x0C,
};
}  // namespace le_event

namespace op {
enum Op : uint16_t {
  inquiry = 0x0401,
  inquiry_cancel = 0x0402,
  create_connection = 0x0405,
  disconnect = 0x0406,
  create_connection_cancel = 0x0408,
  accept_connection = 0x0409,
  reject_connection = 0x040A,
  link_key_reply = 0x040B,
  link_key_negative_reply = 0x040C,
  change_packet_type = 0x040F,
  authentication_requested = 0x0411,
  set_connection_encryption = 0x0413,
  remote_name_request = 0x0419,
  remote_name_cancel = 0x041A,
  read_remote_features = 0x041B,
  read_remote_extended_features = 0x041C,
  read_remote_version = 0x041D,
  io_capability_reply = 0x042B,
  user_confirmation_reply = 0x042C,
  user_confirmation_negative_reply = 0x042D,
  io_capability_negative_reply = 0x0434,

  sniff_mode = 0x0803,
  exit_sniff_mode = 0x0804,
  role_discovery = 0x0809,
  switch_role = 0x080B,
  read_link_policy = 0x080C,
  write_link_policy = 0x080D,
  write_default_link_policy = 0x080F,

  set_event_mask = 0x0C01,
  reset = 0x0C03,
  set_event_filter = 0x0C05,
  write_local_name = 0x0C13,
  read_local_name = 0x0C14,
  write_accept_timeout = 0x0C16,
  write_page_timeout = 0x0C18,
  read_scan_enable = 0x0C19,
  write_scan_enable = 0x0C1A,
  read_page_scan_activity = 0x0C1B,
  write_page_scan_activity = 0x0C1C,
  write_inquiry_scan_activity = 0x0C1E,
  write_authentication_enable = 0x0C20,
  read_class = 0x0C23,
  write_class = 0x0C24,
  read_voice_setting = 0x0C25,
  read_tx_power = 0x0C2D,
  write_supervision_timeout = 0x0C37,
  read_iac_count = 0x0C38,
  read_iacs = 0x0C39,
  write_iacs = 0x0C3A,
  write_inquiry_mode = 0x0C45,
  read_page_scan_type = 0x0C46,
  write_page_scan_type = 0x0C47,
  write_extended_inquiry_response = 0x0C52,
  write_simple_pairing_mode = 0x0C56,
  set_event_mask_2 = 0x0C63,
  write_le_host_support = 0x0C6D,
  write_secure_connections = 0x0C7A,

  read_local_version = 0x1001,
  read_local_commands = 0x1002,
  read_local_features = 0x1003,
  read_local_extended_features = 0x1004,
  read_buffer_size = 0x1005,
  read_address = 0x1009,

  read_rssi = 0x1405,
  read_clock = 0x1407,
  read_key_size = 0x1408,

  le_set_event_mask = 0x2001,
  le_read_buffer_size = 0x2002,
  le_read_features = 0x2003,
  le_set_random_address = 0x2005,
  le_set_advertising_parameters = 0x2006,
  le_read_advertising_power = 0x2007,
  le_set_advertising_data = 0x2008,
  le_set_scan_response = 0x2009,
  le_set_advertising_enable = 0x200A,
  le_set_scan_parameters = 0x200B,
  le_set_scan_enable = 0x200C,
  le_create_connection = 0x200D,
  le_create_connection_cancel = 0x200E,
  le_read_accept_list_size = 0x200F,
  le_clear_accept_list = 0x2010,
  le_add_to_accept_list = 0x2011,
  le_remove_from_accept_list = 0x2012,
  le_connection_update = 0x2013,
  le_read_remote_features = 0x2016,
  le_random = 0x2018,
  le_start_encryption = 0x2019,
  le_long_term_key_reply = 0x201A,
  le_long_term_key_negative_reply = 0x201B,
  le_read_states = 0x201C,
  le_set_data_length = 0x2022,
  le_read_default_data_length = 0x2023,
  le_write_default_data_length = 0x2024,
  le_read_max_data_length = 0x202F,
  le_set_default_phy = 0x2031,
};
}  // namespace op

}  // namespace btb::lab::hci
