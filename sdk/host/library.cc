// PluginLibrary: checks of the file that give clear errors, then loading, then find_plugin.
#include "sdk/host/library.h"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "sdk/host/border.h"
#include "sdk/host/declarations.h"
#include "sdk/host/values.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BTB_KEEP_LIBRARIES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define BTB_KEEP_LIBRARIES 1
#endif
#endif

namespace btb::host {
namespace {

// A sanitizer can name functions in its reports only while their library is mapped.
#if defined(BTB_KEEP_LIBRARIES)
constexpr bool keep_libraries = true;
#else
constexpr bool keep_libraries = false;
#endif

constexpr const char* entry_name = "btb_plugin_entry";

Error fault(const std::string& path, const std::string& text, Errc code = Errc::invalid) {
  return {code, path + ": " + text};
}

// Without a "/" the loader would search its own path.
std::string as_file(const std::string& path) {
  return path.find('/') == std::string::npos ? "./" + path : path;
}

// Finds the usual mistakes before dlopen does, whose errors are hard to understand.
Result<void> check_file(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) {
    return errno == ENOENT ? fault(path, "there is no such file", Errc::not_found)
                           : fault(path, std::strerror(errno), Errc::io);
  }
  if (!S_ISREG(about.st_mode)) return fault(path, "is not a file");
  std::array<char, 4> magic{};
  std::ifstream file(path, std::ios::binary);
  if (!file) return fault(path, std::strerror(errno), Errc::io);
  file.read(magic.data(), magic.size());
  if (!file || std::memcmp(magic.data(), "\177ELF", magic.size()) != 0) {
    return fault(path, "is not a shared object");
  }
  return {};
}

std::string last_loader_error(const std::string& path) {
  const char* text = ::dlerror();
  std::string out = text == nullptr ? "unknown error" : text;
  if (out.starts_with(path + ": ")) out.erase(0, path.size() + 2);
  return out;
}

std::string with_suffix(const std::string& name) {
  return name + ".so";
}

std::vector<std::string> plugins_in(const std::vector<std::string>& directories) {
  std::vector<std::string> names;
  for (const std::string& directory : directories) {
    std::error_code error;
    for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
      if (entry->path().extension() == ".so") names.push_back(entry->path().stem().string());
    }
  }
  return names;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

}  // namespace

PluginLibrary::PluginLibrary(std::string path, void* handle)
    : path_(std::move(path)), handle_(handle), kept_(keep_libraries) {}

PluginLibrary::~PluginLibrary() {
  if (!kept_) ::dlclose(handle_);
}

void PluginLibrary::keep_for_ever() const {
  kept_ = true;
}

bool PluginLibrary::is_loaded(const std::string& path) {
  void* handle = ::dlopen(as_file(path).c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  if (handle == nullptr) return false;
  ::dlclose(handle);
  return true;
}

Result<std::shared_ptr<const PluginLibrary>> PluginLibrary::load(const std::string& path) {
  const std::string file = as_file(path);
  if (Result<void> checked = check_file(file); !checked) return checked.error();
  void* handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return fault(file, "cannot be loaded: " + last_loader_error(file));

  std::shared_ptr<PluginLibrary> library(new PluginLibrary(file, handle));
  library->entry_ = reinterpret_cast<btb_plugin_entry_function>(::dlsym(handle, entry_name));
  if (library->entry_ == nullptr) {
    return fault(file, std::string("is not a btbroker plugin: it does not export ") + entry_name);
  }
  const uint32_t major = BTB_ABI_MAJOR;
  const std::string escaped =
      escaped_from(entry_name, [&] { library->plugin_ = library->entry_(&major, 1); });
  if (!escaped.empty()) return fault(file, escaped);
  if (library->plugin_ == nullptr) {
    return fault(file,
                 "does not speak plugin ABI " + std::to_string(major) +
                     ", which is what this broker speaks; build it anew against this SDK",
                 Errc::unsupported);
  }
  if (const std::string broken = plugin_fault(*library->plugin_); !broken.empty()) {
    return fault(file, broken);
  }
  return std::shared_ptr<const PluginLibrary>(std::move(library));
}

Result<std::string> find_plugin(const std::string& name,
                                const std::vector<std::string>& directories) {
  if (name.find('/') != std::string::npos) {
    if (::access(name.c_str(), F_OK) == 0) return name;
    return Error{Errc::not_found, "there is no file " + name};
  }
  for (const std::string& directory : directories) {
    const std::string path = directory + "/" + with_suffix(name);
    if (!name.empty() && ::access(path.c_str(), F_OK) == 0) return path;
  }
  const std::vector<std::string> known = plugins_in(directories);
  std::string text = "there is no plugin `" + name + "` in " + joined(directories);
  text += known.empty() ? " (no plugins there at all)" : "; there are: " + joined(known);
  const std::string bare = name.ends_with(".so") ? name.substr(0, name.size() - 3) : name;
  return Error{Errc::not_found, text + did_you_mean(bare, known)};
}

}  // namespace btb::host
