// nearest_word: finds the known word that is most like a wrong one, for "did you mean". Pure; [any]
// thread.
#pragma once

#include <algorithm>
#include <cctype>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace btb {

namespace nearest {

inline constexpr size_t word_bytes_max = 64;

inline char folded(char letter) {
  return letter == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
}

// Edit distance with insert, delete, replace and swap of neighbours (optimal string alignment),
// case and "-" or "_" aside.
inline size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> table(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) table[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) table[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = folded(a[i - 1]) == folded(b[j - 1]);
      table[i][j] = std::min(
          {table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (same ? 0U : 1U)});
      if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
          folded(a[i - 2]) == folded(b[j - 1])) {
        table[i][j] = std::min(table[i][j], table[i - 2][j - 2] + 1);
      }
    }
  }
  return table[a.size()][b.size()];
}

}  // namespace nearest

// The candidate with the smallest edit distance to `word`, or empty if none is near. Near is a
// distance of at most a third of the word's length, or of one. Upper and lower case are the same.
inline std::string nearest_word(std::string_view word, std::span<const std::string> candidates) {
  if (word.empty() || word.size() > nearest::word_bytes_max) return {};
  std::string found;
  size_t best = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.empty() || candidate.size() > nearest::word_bytes_max) continue;
    const size_t edits = nearest::distance(word, candidate);
    if (edits < best && edits < std::max(word.size(), candidate.size())) {
      best = edits;
      found = candidate;
    }
  }
  return found;
}

}  // namespace btb
