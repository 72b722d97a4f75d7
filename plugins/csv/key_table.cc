#include "plugins/csv/key_table.h"

#include <algorithm>

#include "plugins/csv/hash.h"

namespace btb::csv {

namespace {

uint32_t key_hash(uint32_t scope, std::string_view key) {
  return static_cast<uint32_t>(hash_of(key, scope));
}

}  // namespace

uint32_t KeyTable::find(uint32_t scope, std::string_view key) {
  if (expected_ < entries_.size() && is(entries_[expected_], scope, key)) return expected_++;
  const uint32_t index = lookup(key_hash(scope, key), scope, key);
  if (index != none) expected_ = index + 1;
  return index;
}

KeyTable::Found KeyTable::find_or_add(uint32_t scope, std::string_view key, uint16_t file) {
  if (expected_ < entries_.size() && is(entries_[expected_], scope, key))
    return {expected_++, false};
  const uint32_t hash = key_hash(scope, key);
  uint32_t index = lookup(hash, scope, key);
  const bool added = index == none;
  if (added) {
    if ((size_ + 1) * 4 > slots_.size() * 3) grow();
    index = take_entry();
    Entry& entry = entries_[index];
    entry.key_hash = hash;
    entry.key_offset = keys_.size();
    entry.key_size = static_cast<uint16_t>(key.size());
    entry.scope = scope;
    entry.file = file;
    keys_ += key;
    place(index);
    ++size_;
  }
  expected_ = index + 1;
  return {index, added};
}

uint32_t KeyTable::lookup(uint32_t hash, uint32_t scope, std::string_view key) const {
  if (slots_.empty()) return none;
  const size_t mask = slots_.size() - 1;
  for (size_t slot = hash & mask; slots_[slot] != none; slot = (slot + 1) & mask) {
    const Entry& entry = entries_[slots_[slot]];
    if (entry.key_hash == hash && is(entry, scope, key)) return slots_[slot];
  }
  return none;
}

void KeyTable::erase(uint32_t index) {
  const size_t mask = slots_.size() - 1;
  size_t hole = entries_[index].key_hash & mask;
  while (slots_[hole] != index) hole = (hole + 1) & mask;
  // Closes the gap: each follower moves up unless its home lies behind the hole.
  for (size_t slot = (hole + 1) & mask; slots_[slot] != none; slot = (slot + 1) & mask) {
    const size_t home = entries_[slots_[slot]].key_hash & mask;
    if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
    slots_[hole] = slots_[slot];
    hole = slot;
  }
  slots_[hole] = none;
  Entry& entry = entries_[index];
  release_topic(entry.topic);
  key_bytes_free_ += entry.key_size;
  entry = Entry();
  free_.push_back(index);
  --size_;
}

uint32_t KeyTable::take_entry() {
  if (free_.empty()) {
    entries_.emplace_back();
    return static_cast<uint32_t>(entries_.size() - 1);
  }
  const uint32_t index = free_.back();
  free_.pop_back();
  return index;
}

void KeyTable::place(uint32_t index) {
  const size_t mask = slots_.size() - 1;
  size_t slot = entries_[index].key_hash & mask;
  while (slots_[slot] != none) slot = (slot + 1) & mask;
  slots_[slot] = index;
}

void KeyTable::grow() {
  slots_.assign(std::max<size_t>(64, slots_.size() * 2), none);
  for (uint32_t index = 0; index < entries_.size(); ++index) {
    if (entries_[index].file != 0) place(index);
  }
}

void KeyTable::set_topic(uint32_t index, std::string_view topic) {
  Entry& entry = entries_[index];
  if (entry.topic != none && topics_[entry.topic].name == topic) return;
  const auto known = topic_numbers_.find(topic);
  uint32_t number = known == topic_numbers_.end() ? none : known->second;
  if (number == none) {
    if (free_topics_.empty()) {
      topics_.emplace_back();
      free_topics_.push_back(static_cast<uint32_t>(topics_.size() - 1));
    }
    number = free_topics_.back();
    free_topics_.pop_back();
    topics_[number].name = topic;
    topic_numbers_.emplace(topics_[number].name, number);
  }
  ++topics_[number].users;
  release_topic(entry.topic);
  entry.topic = number;
}

void KeyTable::release_topic(uint32_t topic) {
  if (topic == none || --topics_[topic].users > 0) return;
  topic_numbers_.erase(topics_[topic].name);
  topics_[topic].name.clear();
  free_topics_.push_back(topic);
}

void KeyTable::tidy() {
  if (key_bytes_free_ < (1U << 20) || key_bytes_free_ * 2 < keys_.size()) return;
  std::string kept;
  kept.reserve(keys_.size() - key_bytes_free_);
  for (Entry& entry : entries_) {
    if (entry.file == 0) continue;
    const size_t offset = kept.size();
    kept += key_of(entry);
    entry.key_offset = offset;
  }
  keys_ = std::move(kept);
  key_bytes_free_ = 0;
}

}  // namespace btb::csv
