#include "plugins/csv/put_away.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace btb::csv {

namespace {

constexpr int names_tried_max = 1000;

// Like rename, except that it fails with EEXIST instead of replacing something. 0, or errno.
int rename_to_new(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // A file system that cannot do this can do it in two steps.
  if (link(from.c_str(), to.c_str()) != 0) return errno;
  return unlink(from.c_str()) == 0 ? 0 : errno;
}

std::string base_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

std::string why(int error, const std::string& directory) {
  if (error == EXDEV) return directory + " is on another file system: choose one on the same";
  if (error == ENOENT) return "there is no directory " + directory;
  return directory + ": " + std::strerror(error);
}

// Moves the file to the first free name of `target`, `target`.1, `target`.2, ...
PutAway move_to(const std::string& path, const std::string& directory, const std::string& target,
                const Signature& expected) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) return {PutAway::Status::replaced, ""};
  if (!S_ISREG(info.st_mode))
    return {PutAway::Status::failed, "it is a link: only files are put away"};
  const auto now = look_at(path);
  if (!now || !now->is_same_content(expected)) return {PutAway::Status::replaced, ""};
  std::string to = target;
  int error = rename_to_new(path, to);
  for (int number = 1; error == EEXIST && number < names_tried_max; ++number) {
    to = target + "." + std::to_string(number);
    error = rename_to_new(path, to);
  }
  if (error != 0) return {PutAway::Status::failed, why(error, directory)};
  const auto moved = look_at(to);
  if (moved && moved->is_same_content(expected)) return {PutAway::Status::done, to};
  error = rename_to_new(to, path);  // it was replaced in this very moment
  if (error == 0) return {PutAway::Status::replaced, ""};
  return {PutAway::Status::failed, "a version that was not read was moved to " + to +
                                       ", and cannot be moved back: " + std::strerror(error)};
}

}  // namespace

PutAway move_away(const std::string& path, const std::string& directory,
                  const Signature& expected) {
  return move_to(path, directory, directory + "/" + base_of(path), expected);
}

PutAway delete_away(const std::string& path, const Signature& expected) {
  const std::string directory = path.substr(0, path.rfind('/'));
  PutAway moved = move_to(path, directory, directory + "/." + base_of(path) + ".taken", expected);
  if (moved.status != PutAway::Status::done) return moved;
  if (unlink(moved.text.c_str()) != 0)
    return {PutAway::Status::failed, moved.text + ": " + std::strerror(errno)};
  return {PutAway::Status::done, ""};
}

}  // namespace btb::csv
