#include "plugins/csv/gzip.h"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>

namespace btb::csv {

namespace {

constexpr size_t piece_bytes = 64U << 10;
constexpr int gzip_only = 16 + MAX_WBITS;  // for inflateInit2: no other format
constexpr std::string_view magic = "\x1F\x8B";

}  // namespace

struct Gunzip::State {
  z_stream stream{};
  std::array<unsigned char, piece_bytes> input{};
  bool between_members = false;
  bool end_of_file = false;
};

bool is_gzip(std::string_view head) {
  return head.starts_with(magic);
}

Gunzip::Gunzip(int fd) : fd_(fd), state_(std::make_unique<State>()) {
  if (inflateInit2(&state_->stream, gzip_only) != Z_OK) throw std::bad_alloc();
}

Gunzip::~Gunzip() {
  inflateEnd(&state_->stream);
}

// Reads the next piece of the file if the last one is used up. end: the file has no more.
Gunzip::Status Gunzip::fill() {
  z_stream& stream = state_->stream;
  if (stream.avail_in > 0) return Status::ok;
  if (state_->end_of_file) return Status::end;
  ssize_t count = 0;
  do {
    count = pread(fd_, state_->input.data(), piece_bytes, static_cast<off_t>(offset_));
  } while (count < 0 && errno == EINTR);
  if (count < 0) return Status::failed;
  if (count == 0) {
    state_->end_of_file = true;
    return Status::end;
  }
  offset_ += static_cast<uint64_t>(count);
  stream.next_in = state_->input.data();
  stream.avail_in = static_cast<unsigned>(count);
  return Status::ok;
}

// Goes on after a member, and passes over padding. ok: another member begins. end: the file ends.
Gunzip::Status Gunzip::next_member() {
  z_stream& stream = state_->stream;
  for (;;) {
    const Status filled = fill();
    if (filled != Status::ok) return filled;
    if (*stream.next_in != 0) break;
    ++stream.next_in;
    --stream.avail_in;
  }
  state_->between_members = false;
  inflateReset(&stream);
  return Status::ok;
}

Gunzip::Status Gunzip::read(char* out, size_t size, size_t& made) {
  z_stream& stream = state_->stream;
  made = 0;
  while (made < size) {
    const Status filled = state_->between_members ? next_member() : fill();
    if (filled == Status::end && !state_->between_members) {
      reason_ = "it ends in its middle";
      return Status::incomplete;
    }
    if (filled != Status::ok) return filled;
    const auto room = static_cast<unsigned>(std::min<size_t>(size - made, piece_bytes));
    stream.next_out = reinterpret_cast<unsigned char*>(out + made);
    stream.avail_out = room;
    const int result = inflate(&stream, Z_NO_FLUSH);
    made += room - stream.avail_out;
    made_ += room - stream.avail_out;
    if (result == Z_STREAM_END) state_->between_members = true;
    if (result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR) continue;
    reason_ = stream.msg != nullptr ? stream.msg : "it cannot be unpacked";
    return Status::damaged;
  }
  return Status::ok;
}

std::string Gunzip::fault() const {
  return "damaged gzip: " + reason_ + ", at byte " +
         std::to_string(offset_ - state_->stream.avail_in) + " of the file, behind " +
         std::to_string(made_) + " bytes of text";
}

}  // namespace btb::csv
