// KeyTable: what was published of each row, in few bytes: its key, two hashes, its topic. About 56
// bytes a row and the bytes of the key. Resource of one source; [source] thread.
//
// A key lives in a scope, so that the same key in two files can mean two rows. Indices of entries
// stay as they are until their entry is erased; rows that come in the order in which they were
// added cost no search.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace btb::csv {

class KeyTable {
 public:
  static constexpr uint32_t none = ~uint32_t{0};

  struct Entry {
    uint64_t row_hash = 0;      // of the row as it lies in the file
    uint64_t payload_hash = 0;  // of what was published
    uint64_t key_offset = 0;
    uint32_t key_hash = 0;
    uint32_t topic = none;
    uint32_t seen = 0;  // the pass that met it last
    uint16_t file = 0;  // owner; 0: the entry is free
    uint16_t key_size = 0;
    uint32_t scope = 0;
  };

  struct Found {
    uint32_t index;
    bool added;
  };
  // The entry of the key; a new one belongs to `file` (not 0) and has no topic.
  Found find_or_add(uint32_t scope, std::string_view key, uint16_t file);
  // none if there is no such key.
  uint32_t find(uint32_t scope, std::string_view key);
  void erase(uint32_t index);

  Entry& operator[](uint32_t index) { return entries_[index]; }
  [[nodiscard]] std::string_view key_of(const Entry& entry) const {
    return std::string_view(keys_).substr(entry.key_offset, entry.key_size);
  }
  [[nodiscard]] uint32_t slots_end() const {
    return static_cast<uint32_t>(entries_.size());
  }  // indices lie below
  [[nodiscard]] size_t size() const { return size_; }

  // Sets the topic of an entry; topics that nobody has are forgotten.
  void set_topic(uint32_t index, std::string_view topic);
  [[nodiscard]] std::string_view topic_of(const Entry& entry) const {
    return entry.topic == none ? std::string_view() : std::string_view(topics_[entry.topic].name);
  }

  // Gives back the memory of keys that are gone. Between passes.
  void tidy();

 private:
  struct Topic {
    std::string name;
    uint32_t users = 0;
  };

  [[nodiscard]] bool is(const Entry& entry, uint32_t scope, std::string_view key) const {
    return entry.file != 0 && entry.scope == scope && key_of(entry) == key;
  }
  uint32_t lookup(uint32_t hash, uint32_t scope, std::string_view key) const;
  uint32_t take_entry();
  void place(uint32_t index);
  void grow();
  void release_topic(uint32_t topic);

  std::vector<Entry> entries_;
  std::vector<uint32_t> free_;
  std::vector<uint32_t> slots_;  // open addressing; index of an entry, or none
  std::string keys_;
  size_t key_bytes_free_ = 0;
  size_t size_ = 0;
  uint32_t expected_ = 0;  // the entry behind the last one found
  std::deque<Topic> topics_;
  std::vector<uint32_t> free_topics_;
  std::unordered_map<std::string_view, uint32_t> topic_numbers_;
};

}  // namespace btb::csv
