#include "broker/config/plugin_files.h"

#include <sys/stat.h>

#include <utility>

namespace btb {

Result<PluginFiles::Loaded> PluginFiles::load(const std::string& path) {
  const Identity identity = identity_of(path);
  const auto [found, is_new] = files_.try_emplace(path, File{identity, 0, 0, 0, {}});
  File& file = found->second;
  const bool changed = identity != file.identity;
  // Even if loading fails: the system's loader may know this spelling from now on.
  if (changed) ++file.spelling;
  file.identity = identity;
  auto library = host::PluginLibrary::load(spelled(path, file.spelling));
  const auto before = file.newest.lock();
  if (changed) {
    const bool same_code =
        library.ok() && before != nullptr && &before->plugin() == &(*library)->plugin();
    ++(same_code ? file.written_over : file.replaced);
  }
  if (!library) return library.error();
  file.newest = *library;
  return Loaded{std::move(*library), file.replaced, file.written_over};
}

PluginFiles::Identity PluginFiles::identity_of(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) return {};
  constexpr int64_t ns_in_s = 1'000'000'000;
  return {about.st_dev, about.st_ino, about.st_size,
          about.st_mtim.tv_sec * ns_in_s + about.st_mtim.tv_nsec};
}

std::string PluginFiles::spelled(const std::string& path, uint32_t spelling) {
  const size_t slash = path.rfind('/');
  const size_t name = slash == std::string::npos ? 0 : slash + 1;
  std::string out = name == 0 ? "./" : path.substr(0, name);
  for (uint32_t i = 0; i < spelling; ++i) out += "./";
  return out + path.substr(name);
}

}  // namespace btb
