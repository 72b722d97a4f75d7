#include "plugins/csv/file_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "plugins/csv/gzip.h"

namespace btb::csv {

namespace {

int64_t nanoseconds(const struct statx_timestamp& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// Nothing if it is not a regular file, or, with errno, if the system refuses.
std::optional<Signature> signature_at(int directory, const char* path, int flags) {
  struct statx info {};
  if (statx(directory, path, flags, STATX_BASIC_STATS | STATX_BTIME, &info) != 0)
    return std::nullopt;
  if (!S_ISREG(info.stx_mode)) return std::nullopt;
  const bool knows_birth = (info.stx_mask & STATX_BTIME) != 0;
  return Signature{makedev(info.stx_dev_major, info.stx_dev_minor),
                   info.stx_ino,
                   info.stx_size,
                   nanoseconds(info.stx_mtime),
                   nanoseconds(info.stx_ctime),
                   knows_birth ? nanoseconds(info.stx_btime) : 0};
}

// Reads up to `size` bytes at `offset` into `out`. Returns their number, or -1 with errno.
ssize_t read_fully(int fd, char* out, size_t size, uint64_t offset) {
  size_t done = 0;
  while (done < size) {
    const ssize_t count = pread(fd, out + done, size - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  return static_cast<ssize_t>(done);
}

ReadFile failure(ReadFile::Status status, std::string text) {
  ReadFile result;
  result.status = status;
  result.text = std::move(text);
  return result;
}

ReadFile packed_failure(const Gunzip& packed, Gunzip::Status status) {
  switch (status) {
    case Gunzip::Status::incomplete:
      return failure(ReadFile::Status::incomplete, packed.fault());
    case Gunzip::Status::damaged:
      return failure(ReadFile::Status::damaged, packed.fault());
    case Gunzip::Status::ok:
    case Gunzip::Status::end:
    case Gunzip::Status::failed:
      break;
  }
  return failure(ReadFile::Status::failed, system_text(errno));
}

// A small file may unpack to a large text, so the first pass only counts its bytes.
ReadFile unpack(int fd, uint64_t bytes_max) {
  static constexpr size_t piece_bytes = 64U << 10;
  uint64_t size = 0;
  {
    const std::unique_ptr<char[]> piece(new char[piece_bytes]);
    Gunzip packed(fd);
    for (auto status = Gunzip::Status::ok; status == Gunzip::Status::ok;) {
      size_t made = 0;
      status = packed.read(piece.get(), piece_bytes, made);
      size += made;
      if (size > bytes_max) {
        return failure(ReadFile::Status::too_large, "it unpacks to more than max_file_bytes (" +
                                                        std::to_string(bytes_max) + ")");
      }
      if (status != Gunzip::Status::ok && status != Gunzip::Status::end)
        return packed_failure(packed, status);
    }
  }
  ReadFile result;
  result.bytes = FileBytes(size);
  Gunzip packed(fd);
  size_t made = 0;
  const auto status = packed.read(result.bytes.data(), size, made);
  if (status != Gunzip::Status::ok && status != Gunzip::Status::end)
    return packed_failure(packed, status);
  result.bytes.shrink(made);
  result.status = made == size ? ReadFile::Status::ok : ReadFile::Status::torn;
  return result;
}

}  // namespace

std::string system_text(int error) {
  return std::strerror(error);
}

std::optional<Signature> look_at(const std::string& path) {
  return signature_at(AT_FDCWD, path.c_str(), 0);
}

std::optional<Signature> look_at(int fd) {
  return signature_at(fd, "", AT_EMPTY_PATH);
}

bool is_deleted(int fd) {
  struct stat info {};
  return fstat(fd, &info) == 0 && info.st_nlink == 0;
}

bool leads_nowhere(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) != 0;
}

std::string absolute_path(const std::string& path) {
  std::error_code failed;
  const auto made = std::filesystem::absolute(path, failed);
  return failed ? path : made.lexically_normal().string();
}

int open_file(const std::string& path) {
  return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

ReadFile read_whole(const std::string& path, uint64_t bytes_max) {
  using Status = ReadFile::Status;
  const Descriptor file(open_file(path));
  if (!file) return failure(errno == ENOENT ? Status::gone : Status::failed, system_text(errno));
  const auto before = look_at(file.get());
  if (!before) return failure(Status::failed, "not a regular file");
  if (before->size_bytes > bytes_max) {
    return failure(Status::too_large, std::to_string(before->size_bytes) +
                                          " bytes, more than max_file_bytes (" +
                                          std::to_string(bytes_max) + ")");
  }
  if (is_gzip(read_at(file.get(), 0, 2).value_or(""))) {
    ReadFile result = unpack(file.get(), bytes_max);
    if (look_at(file.get()) != before) return failure(Status::torn, "it is being written to");
    result.signature = *before;
    return result;
  }
  ReadFile result;
  result.bytes = FileBytes(before->size_bytes + 1);  // a byte more shows whether it grew
  const ssize_t count = read_fully(file.get(), result.bytes.data(), before->size_bytes + 1, 0);
  if (count < 0) return failure(Status::failed, system_text(errno));
  if (static_cast<uint64_t>(count) != before->size_bytes || look_at(file.get()) != before) {
    return failure(Status::torn, "it is being written to");
  }
  result.bytes.shrink(static_cast<size_t>(count));
  result.signature = *before;
  result.status = Status::ok;
  return result;
}

std::optional<std::string> read_at(int fd, uint64_t offset, size_t size) {
  std::string out(size, '\0');
  const ssize_t count = read_fully(fd, out.data(), size, offset);
  if (count < 0) return std::nullopt;
  out.resize(static_cast<size_t>(count));
  return out;
}

std::optional<uint64_t> first_byte_not_nul(int fd, uint64_t offset) {
  static constexpr size_t step_bytes = 64U << 10;
  for (;;) {
    const off_t data = lseek(fd, static_cast<off_t>(offset), SEEK_DATA);
    if (data < 0 && errno == ENXIO) return std::nullopt;  // no data up to the end
    if (data >= 0) offset = static_cast<uint64_t>(data);
    const auto bytes = read_at(fd, offset, step_bytes);
    if (!bytes || bytes->empty()) return std::nullopt;
    const size_t at = bytes->find_first_not_of('\0');
    if (at != std::string::npos) return offset + at;
    offset += bytes->size();
  }
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.fd_;
    other.fd_ = -1;
  }
  return *this;
}

void Descriptor::reset() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

}  // namespace btb::csv
