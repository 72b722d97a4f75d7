// Tables from the JSON in a broker's answers to commands. Pure, apart from the time zone of the
// process; [any] thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace btb::cli {

// A value for people. The key decides the form: "..._bytes" and "bytes" in kB and MB, "..._us" as a
// local time, "..._s" as a duration. Other values stay as they are, made printable.
std::string cell(std::string_view key, const nlohmann::json& value);

// Aligned columns with a head, one line for each object of `rows`. First come the keys of `order`
// that any row has, then, if `all`, the other keys. Numbers are aligned right. Elements that are
// not objects are left out.
std::string table(const nlohmann::json& rows, const std::vector<std::string>& order, bool all);

// "key  value" lines of one object: first the keys of `order`, then the others.
std::string sheet(const nlohmann::json& object, const std::vector<std::string>& order);

}  // namespace btb::cli
