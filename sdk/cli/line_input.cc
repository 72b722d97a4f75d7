#include "sdk/cli/line_input.h"

#include <unistd.h>

#include <array>
#include <cerrno>

#include "sdk/base/assert.h"

namespace btb::cli {

namespace {

constexpr size_t read_bytes = 64U << 10;
constexpr size_t taken_kept_bytes_max = 1U << 20;

}  // namespace

void LineInput::read_some() {
  std::array<char, read_bytes> chunk{};
  const ssize_t count = ::read(fd_, chunk.data(), chunk.size());
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    fault_ = count < 0 ? errno : 0;
    ended_ = true;
    return;
  }
  const size_t before = pending_.size();
  pending_.append(chunk.data(), static_cast<size_t>(count));
  if (end_ == std::string::npos) find_end(before);
}

// `from`: where the bytes begin that were not searched yet. If the line is too long already and its
// end has not come, its bytes are dropped.
void LineInput::find_end(size_t from) {
  end_ = pending_.find('\n', from);
  const size_t bytes = pending_.size() - taken_;
  if (end_ != std::string::npos || (dropped_bytes_ == 0 && bytes <= line_bytes_max_ + 1)) return;
  dropped_bytes_ += bytes;
  pending_.clear();
  taken_ = 0;
}

std::optional<LineInput::Line> LineInput::line() const {
  if (end_ == std::string::npos && (!ended_ || !has_rest())) return std::nullopt;
  Line line;
  line.number = line_number_;
  line.text = std::string_view(pending_).substr(taken_);
  if (end_ != std::string::npos) line.text = line.text.substr(0, end_ - taken_);
  if (line.text.ends_with('\r')) line.text.remove_suffix(1);
  line.bytes = dropped_bytes_ + line.text.size();
  line.too_long = dropped_bytes_ != 0 || line.bytes > line_bytes_max_;
  if (line.too_long) line.text = {};
  return line;
}

void LineInput::take_line() {
  BTB_ASSERT(line());
  ++line_number_;
  dropped_bytes_ = 0;
  taken_ = end_ == std::string::npos ? pending_.size() : end_ + 1;
  if (taken_ == pending_.size() || taken_ > taken_kept_bytes_max) {
    pending_.erase(0, taken_);
    taken_ = 0;
  }
  find_end(taken_);
}

}  // namespace btb::cli
