#include "sdk/base/result.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

namespace btb {
namespace {

TEST_CASE("a result holds the value or the error, never both") {
  const Result<int> good = 42;
  CHECK(good.ok());
  CHECK(static_cast<bool>(good));
  CHECK(*good == 42);
  CHECK(good.value() == 42);

  const Result<int> bad = Result<int>::failure(Errc::limit, "too many");
  CHECK_FALSE(bad.ok());
  CHECK(bad.error().code == Errc::limit);
  CHECK(bad.error().text == "too many");
}

TEST_CASE("a result of nothing is fine until it is given an error") {
  const Result<void> good;
  CHECK(good.ok());
  const Result<void> bad = Error{Errc::io, "disk full"};
  CHECK_FALSE(bad.ok());
  CHECK(bad.error().text == "disk full");
}

TEST_CASE("a value that cannot be copied is moved out of a result") {
  Result<std::unique_ptr<int>> made = std::make_unique<int>(7);
  CHECK(**made == 7);
  const std::unique_ptr<int> taken = std::move(made).value();
  CHECK(*taken == 7);
  CHECK(made.value() == nullptr);  // NOLINT(bugprone-use-after-move): what is left is part of it
}

TEST_CASE("the value of a result can be changed in place") {
  Result<std::string> text = std::string("ward");
  text->append("/3");
  *text += "/medication";
  CHECK(text.value() == "ward/3/medication");
}

}  // namespace
}  // namespace btb
