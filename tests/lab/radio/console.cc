#include "tests/lab/radio/console.h"

#include <charconv>
#include <sstream>

namespace btb::lab {

namespace {

std::vector<std::string> words_of(std::string_view line) {
  std::istringstream in{std::string(line)};
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

template <class Number>
bool parse(const std::string& text, Number& value) {
  const char* end = text.data() + text.size();
  const auto [at, fault] = std::from_chars(text.data(), end, value);
  return fault == std::errc{} && at == end;
}

std::string error(const std::string& why) {
  return "error " + why;
}

}  // namespace

Adapter* Console::adapter(const std::string& number) {
  size_t index = 0;
  if (!parse(number, index) || index >= adapters_.size()) return nullptr;
  return adapters_[index].get();
}

std::string Console::answer(std::string_view line) {
  const auto words = words_of(line);
  if (words.empty()) return error("an empty line");
  const std::string& verb = words[0];
  const size_t arguments = words.size() - 1;

  if (verb == "quit") return quits_ = true, "ok";
  if (verb == "usage") return "ok " + usage();
  if (verb == "flush") return std::fflush(nullptr), "ok";
  if (verb == "timing" && arguments == 1 && (words[1] == "on" || words[1] == "off")) {
    air_.options.keeps_time = words[1] == "on";
    return "ok";
  }
  if ((verb == "edr" || verb == "phy") && arguments == 1) {
    unsigned value = 0;
    const unsigned least = verb == "edr" ? 2 : 1;
    if (!parse(words[1], value) || value < least || value > least + 1) return error("which?");
    (verb == "edr" ? air_.options.edr : air_.options.le_phy) = value;
    return "ok";
  }
  if (verb == "supervision" && arguments == 1) {
    Micros ms = 0;
    if (!parse(words[1], ms) || ms < 0) return error("how many ms?");
    air_.options.supervision = ms * 1000;
    return "ok";
  }
  if ((verb == "unplug" || verb == "plug") && arguments == 1) {
    Adapter* one = adapter(words[1]);
    if (one == nullptr) return error("there is no adapter " + words[1]);
    if (verb == "unplug") return one->unplug(), "ok";
    const auto plugged = one->plug_in();
    return plugged ? "ok " + std::to_string(one->index()) : error(plugged.error().text);
  }
  if (verb == "stranger" && arguments == 1) {
    ByteVector data;
    const std::string& text = words[1];
    for (size_t at = 0; at + 1 < text.size(); at += 2) {
      unsigned byte = 0;
      const auto [end, fault] = std::from_chars(&text[at], &text[at] + 2, byte, 16);
      if (fault != std::errc{} || end != &text[at] + 2) return error("which bytes?");
      data.push_back(static_cast<std::byte>(byte));
    }
    if (data.size() > 31) return error("an advertisement has at most 31 bytes");
    strangers_.add(std::move(data));
    return "ok";
  }
  if (verb == "strangers" && arguments == 1 && words[1] == "off") return strangers_.clear(), "ok";
  const bool pair = verb == "apart" || verb == "together" || verb == "range";
  if (!pair || arguments < 2) return error("unknown command: " + std::string(line));
  Adapter* a = adapter(words[1]);
  Adapter* b = adapter(words[2]);
  if (a == nullptr || b == nullptr || a == b) return error("between which two?");
  Reach& reach = air_.between(a->address(), b->address());
  if (verb == "range") {
    int rssi = 0;
    double loss = 0;
    if (arguments < 3 || !parse(words[3], rssi) || rssi < -127 || rssi > 20) {
      return error("how many dBm?");
    }
    if (arguments > 3 && (!parse(words[4], loss) || loss < 0 || loss > 1)) {
      return error("which share is lost?");
    }
    reach.rssi = static_cast<int8_t>(rssi);
    reach.loss = loss;
    return "ok";
  }
  reach.apart = verb == "apart";
  air_.reach_changed(a->address(), b->address());
  return "ok";
}

std::string Console::usage() {
  air_.settle();
  std::ostringstream out;
  out << '[';
  for (const auto& one : adapters_) {
    if (one != adapters_.front()) out << ',';
    out << "{\"address\":\"" << to_string(one->address()) << "\",\"index\":" << one->index();
    if (const Controller* controller = one->controller()) {
      const Usage& usage = controller->usage;
      out << ",\"links\":" << air_.links_of(*controller).size()
          << ",\"packets_sent\":" << usage.packets_sent
          << ",\"packets_received\":" << usage.packets_received
          << ",\"bytes_sent\":" << usage.bytes_sent
          << ",\"bytes_received\":" << usage.bytes_received << ",\"lost\":" << usage.lost
          << ",\"sending_us\":" << usage.sending << ",\"receiving_us\":" << usage.receiving
          << ",\"listening_us\":" << usage.listening
          << ",\"awake_us\":" << usage.sending + usage.receiving + usage.listening
          << ",\"unknown_commands\":{";
      bool first = true;
      for (const auto& [opcode, times] : controller->unknown()) {
        out << (first ? "" : ",") << '"' << std::hex << opcode << std::dec << "\":" << times;
        first = false;
      }
      out << '}';
    }
    out << '}';
  }
  out << ']';
  return out.str();
}

}  // namespace btb::lab
