// KeyTable: for each published row its key, two hashes and its topic. It takes about 56 bytes a row
// and the bytes of the key. Resource of one source; [source].
//
// A key belongs to a scope, so the same key in two files can mean two rows. The index of an entry
// does not change until the entry is erased. Finding rows in the order in which they were added
// needs no search.
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
    uint32_t seen = 0;  // the number of the last pass that found the row; the mode counts passes
    uint16_t file = 0;  // owner; 0: the entry is free
    uint16_t key_size = 0;
    uint32_t scope = 0;
  };

  struct Found {
    uint32_t index;
    bool added;
  };
  // The entry of the key. A new entry belongs to `file` (not 0) and has no topic. Copies the key.
  // REQUIRES: the key has fewer than 65536 bytes.
  Found find_or_add(uint32_t scope, std::string_view key, uint16_t file);
  // The index of the key's entry; none if there is no such key.
  uint32_t find(uint32_t scope, std::string_view key);
  // REQUIRES: the entry is in use. Its index may be given to another key later.
  void erase(uint32_t index);

  // References live until the next find_or_add, views of keys until that or tidy.
  Entry& operator[](uint32_t index) { return entries_[index]; }
  [[nodiscard]] std::string_view key_of(const Entry& entry) const {
    return std::string_view(keys_).substr(entry.key_offset, entry.key_size);
  }
  // All indices are below this. Entries with file 0 are free.
  [[nodiscard]] uint32_t slots_end() const { return static_cast<uint32_t>(entries_.size()); }
  [[nodiscard]] size_t size() const { return size_; }

  // Sets the topic of an entry. A topic that no entry has any more is forgotten.
  void set_topic(uint32_t index, std::string_view topic);
  // Empty if the entry has no topic. Lives as long as an entry has this topic.
  [[nodiscard]] std::string_view topic_of(const Entry& entry) const {
    return entry.topic == none ? std::string_view() : std::string_view(topics_[entry.topic].name);
  }

  // Frees the memory of erased keys, if that is worth the work. Call it between passes.
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
  std::vector<uint32_t> slots_;  // hash table with open addressing: index of an entry, or none
  std::string keys_;
  size_t key_bytes_free_ = 0;
  size_t size_ = 0;
  uint32_t expected_ = 0;  // the index after the last one found: looked at before any search
  std::deque<Topic> topics_;
  std::vector<uint32_t> free_topics_;
  std::unordered_map<std::string_view, uint32_t> topic_numbers_;
};

}  // namespace btb::csv
