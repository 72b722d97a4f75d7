// Agenda: what happens at which moment of the air's time. Things due at the same moment happen in
// the order they were entered. Value type.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

namespace btb::lab {

using Micros = int64_t;

class Agenda {
 public:
  using Id = uint64_t;

  Id at(Micros when, std::function<void()> what) {
    const Id id = ++last_;
    due_.emplace(Key{when, id}, std::move(what));
    when_[id] = when;
    return id;
  }

  // One that has happened, or 0, may be cancelled too.
  void cancel(Id& id) {
    if (const auto found = when_.find(id); found != when_.end()) {
      due_.erase({found->second, id});
      when_.erase(found);
    }
    id = 0;
  }

  [[nodiscard]] std::optional<Micros> next() const {
    if (due_.empty()) return std::nullopt;
    return due_.begin()->first.when;
  }

  // Takes the first thing out, for the caller to do.
  std::function<void()> take() {
    auto node = due_.extract(due_.begin());
    when_.erase(node.key().id);
    return std::move(node.mapped());
  }

 private:
  struct Key {
    Micros when;
    Id id;
    auto operator<=>(const Key&) const = default;
  };

  std::map<Key, std::function<void()>> due_;
  std::map<Id, Micros> when_;
  Id last_ = 0;
};

}  // namespace btb::lab
