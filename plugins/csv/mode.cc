#include "plugins/csv/mode.h"

namespace btb::csv {

Outcome outcome_of(const ReadFile& read) {
  using Status = ReadFile::Status;
  switch (read.status) {
    case Status::ok:
      return {};
    case Status::gone:
    case Status::torn:
      return {Outcome::Kind::again, read.text};
    case Status::too_large:
      return {Outcome::Kind::refused, read.text};
    case Status::failed:
      break;
  }
  return {Outcome::Kind::unreadable, read.text};
}

}  // namespace btb::csv
