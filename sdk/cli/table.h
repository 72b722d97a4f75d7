// Tables out of the JSON that a broker answers commands with. Pure but for the time zone; [any]
// thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace btb::cli {

// A value for people. The key tells what it is: "..._bytes" and "bytes" in kB and MB, "..._us" a
// local time, "..._s" a duration; all else as it is, printable.
std::string cell(std::string_view key, const nlohmann::json& value);

// Aligned columns with a head, one line for each object of `rows`. First the keys of `order`, as
// far as any row has them; then, if `all`, the others, as they come. Numbers to the right. What is
// not an object is left out.
std::string table(const nlohmann::json& rows, const std::vector<std::string>& order, bool all);

// "key  value" lines of one object, in the same order.
std::string sheet(const nlohmann::json& object, const std::vector<std::string>& order);

}  // namespace btb::cli
