#include "plugins/csv/guard.h"

#include <cstdio>

namespace btb::csv {

std::optional<std::string> guard_objection(const Config& config, const GuardCase& found) {
  if (found.rows_deleted == 0) return std::nullopt;
  if (found.empty) {
    if (config.allow_empty) return std::nullopt;
    return "it has no rows any more, it had " + std::to_string(found.rows_before);
  }
  const double ratio =
      static_cast<double>(found.rows_deleted) / static_cast<double>(found.rows_before);
  if (found.rows_before < config.guard_rows_min || ratio <= config.delete_ratio_max)
    return std::nullopt;
  char percent[32];
  std::snprintf(percent, sizeof(percent), "%.0f %% > %.0f %%", ratio * 100,
                config.delete_ratio_max * 100);
  return "it lost " + std::to_string(found.rows_deleted) + " of " +
         std::to_string(found.rows_before) + " rows (" + percent + ")";
}

}  // namespace btb::csv
