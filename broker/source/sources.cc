#include "broker/source/sources.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace btb {

namespace {

// A token means something to the plugin that gave it, and to no other.
void go_on_after(const Source& before, SourceSpec& spec) {
  if (before.spec().library->path() == spec.library->path())
    spec.resume_token = before.resume_token();
}

}  // namespace

void Sources::start(SourceSpec spec) {
  const std::string name = spec.name;
  auto source = std::make_unique<Source>(loop_, router_, clock_, events_, std::move(spec));
  source->start();
  running_[name] = std::move(source);
}

void Sources::add(SourceSpec spec) {
  if (const Source* before = find(spec.name)) go_on_after(*before, spec);
  remove(spec.name);
  for (Stopping& stopping : stopping_) {
    if (stopping.source->spec().name != spec.name) continue;
    stopping.next = std::make_unique<SourceSpec>(std::move(spec));
    return;
  }
  start(std::move(spec));
}

void Sources::remove(const std::string& name) {
  for (Stopping& stopping : stopping_) {
    if (stopping.source->spec().name == name) stopping.next.reset();
  }
  const auto found = running_.find(name);
  if (found == running_.end()) return;
  found->second->request_stop();
  stopping_.push_back({std::move(found->second), clock_.mono_ms() + stop_timeout_ms, nullptr});
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
      go_on_after(*stopping.source, *stopping.next);
      next.push_back(std::move(*stopping.next));
    }
    return true;
  });
  for (SourceSpec& spec : next) start(std::move(spec));
}

void Sources::stop_all() {
  while (!running_.empty() || !stopping_.empty()) {
    while (!running_.empty()) remove(running_.begin()->first);
    for (Stopping& stopping : stopping_) stopping.next.reset();
    loop_.run_once(false);  // lets their last words in
    drain();
    if (!stopping_.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace btb
