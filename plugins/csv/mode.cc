#include "plugins/csv/mode.h"

#include <string_view>

namespace btb::csv {

namespace {

// Passes over NUL bytes, so that it works for UTF-16, and over the ^Z that DOS puts at the end.
bool ends_inside_of_line(std::string_view bytes) {
  while (!bytes.empty() && (bytes.back() == '\0' || bytes.back() == '\x1A')) bytes.remove_suffix(1);
  return !bytes.empty() && bytes.back() != '\n' && bytes.back() != '\r';
}

}  // namespace

Outcome outcome_of(const ReadFile& read, Visit visit, const Signature& now) {
  using Status = ReadFile::Status;
  switch (read.status) {
    case Status::ok:
      if (visit.early && read.signature != now) return {Outcome::Kind::again, "it changed"};
      if (!ends_inside_of_line(read.bytes.view())) return {};
      if (read.signature != now) return {Outcome::Kind::again, "it is being written to"};
      if (visit.early || !visit.whole) return {Outcome::Kind::cut_off, "its last line has no end"};
      return {};
    case Status::gone:
    case Status::torn:
      return {Outcome::Kind::again, read.text};
    case Status::incomplete:  // it may still be written
      if (visit.early || !visit.whole) return {Outcome::Kind::cut_off, read.text};
      return {Outcome::Kind::refused, read.text};
    case Status::damaged:
    case Status::too_large:
      return {Outcome::Kind::refused, read.text};
    case Status::failed:
      break;
  }
  return {Outcome::Kind::unreadable, read.text};
}

}  // namespace btb::csv
