// Parts: starting and stopping; looking up; the work of each turn; sources that are stopping.
#include "broker/source/sources.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

namespace btb {

namespace {

// All spellings of a path are the same here: a plugin that was replaced on disk is loaded by
// another spelling (see PluginFiles).
std::filesystem::path plugin_path(const SourceSpec& spec) {
  return std::filesystem::path(spec.library->path()).lexically_normal();
}

// Passes the resume token on, if the plugin is the same. Another plugin could not read it.
void go_on_after(const Source& before, SourceSpec& spec) {
  if (plugin_path(before.spec()) == plugin_path(spec)) spec.resume_token = before.resume_token();
}

}  // namespace

void Sources::start(SourceSpec spec) {
  const std::string name = spec.name;
  auto source = std::make_unique<Source>(loop_, router_, clock_, events_, std::move(spec));
  source->start();
  running_[name] = std::move(source);
}

void Sources::add(SourceSpec spec) {
  const auto next_publisher = static_cast<Publisher>(client_publisher + 1 + publishers_.size());
  spec.publisher = publishers_.try_emplace(spec.name, next_publisher).first->second;
  if (const Source* before = find(spec.name)) go_on_after(*before, spec);
  stop(spec.name, false);
  for (Stopping& stopping : stopping_) {
    if (stopping.source->spec().name != spec.name) continue;
    stopping.next = std::make_unique<SourceSpec>(std::move(spec));
    return;
  }
  start(std::move(spec));
}

void Sources::remove(const std::string& name) {
  stop(name, true);
}

void Sources::stop(const std::string& name, bool withdraw) {
  for (Stopping& stopping : stopping_) {
    if (stopping.source->spec().name != name) continue;
    stopping.next.reset();
    stopping.withdraw = withdraw;
  }
  const auto found = running_.find(name);
  if (found == running_.end()) return;
  found->second->request_stop();
  stopping_.push_back(
      {std::move(found->second), clock_.mono_ms() + stop_timeout_ms, nullptr, withdraw});
  running_.erase(found);
  finish_stopping();
}

Source* Sources::find(const std::string& name) const {
  const auto found = running_.find(name);
  return found == running_.end() ? nullptr : found->second.get();
}

void Sources::for_each(const std::function<void(const Source&)>& visit) const {
  for (const auto& [name, source] : running_) visit(*source);
  for (const Stopping& stopping : stopping_) visit(*stopping.source);
}

std::string_view Sources::name_of(Publisher publisher) const {
  for (const auto& [name, number] : publishers_) {
    if (number == publisher) return name;
  }
  return {};
}

bool Sources::drain() {
  bool more = false;
  for (auto& [name, source] : running_) more = source->drain() || more;
  if (stopping_.empty()) return more;
  for (Stopping& stopping : stopping_) more = stopping.source->drain() || more;
  finish_stopping();
  return more;
}

void Sources::tick() {
  for (auto& [name, source] : running_) source->tick();
  finish_stopping();
}

void Sources::finish_stopping() {
  const uint64_t now_ms = clock_.mono_ms();
  std::vector<SourceSpec> next;
  std::erase_if(stopping_, [&](Stopping& stopping) {
    if (!stopping.source->ended()) {
      if (now_ms < stopping.deadline_ms) return false;
      ++abandoned_;
      stopping.source->abandon();
    }
    if (stopping.next != nullptr) {
      // If its rows are being deleted, the next one must publish them all again: it begins anew.
      if (!stopping.source->deleting()) go_on_after(*stopping.source, *stopping.next);
      next.push_back(std::move(*stopping.next));
      return true;
    }
    if (std::exchange(stopping.withdraw, false)) stopping.source->withdraw();
    return !stopping.source->deleting();
  });
  for (SourceSpec& spec : next) start(std::move(spec));
}

void Sources::stop_all() {
  while (!running_.empty() || !stopping_.empty()) {
    while (!running_.empty()) stop(running_.begin()->first, false);
    for (Stopping& stopping : stopping_) {
      stopping.next.reset();
      stopping.withdraw = false;
      stopping.source->stop_deleting();
    }
    loop_.run_once(false);  // takes in their last batches
    drain();
    if (!stopping_.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace btb
