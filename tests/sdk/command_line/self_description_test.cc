// What is written from the model of a command line: only what is there, and for a shell only what
// may follow.
#include "sdk/command_line/self_description.h"

#include <doctest/doctest.h>

#include <CLI/CLI.hpp>

#include "sdk/command_line/unknown_word.h"

using namespace btb::command_line;

namespace {

// A program that takes a file, as btbroker does.
struct Reader {
  CLI::App app{"Read a file", "reader"};
  std::string file;
  bool check = false;

  Reader() {
    app.add_option("FILE", file, "What to read")
        ->type_name("FILE")
        ->envname("READER_CONFIG")
        ->required();
    app.add_flag("--check", check, "Only look");
    add_describing_options(app);
  }

  std::string said(std::vector<const char*> arguments) const {
    arguments.insert(arguments.begin(), "reader");
    Page page;
    page.name = "reader";
    page.summary = "Read a file";
    page.exit_codes = {{"0", "It was read."}};
    page.see_also = {"writer"};
    return self_description(app, page, static_cast<int>(arguments.size()), arguments.data())
        .value_or("nothing");
  }
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a program describes itself whatever else is missing or wrong in its arguments") {
  const Reader reader;
  CHECK(reader.said({"--man"}).starts_with(".TH READER 1 "));
  CHECK(reader.said({"--nonsense", "--man"}).starts_with(".TH READER 1 "));
  CHECK(reader.said({"--completion=zsh"}).starts_with("#compdef reader\n"));
  CHECK(reader.said({"--completion", "csh"}) == "nothing");
  CHECK(reader.said({"a.yaml", "--check"}) == "nothing");
}

TEST_CASE("a manual page has a section for what there is, and none for what there is not") {
  const std::string page = Reader().said({"--man"});
  CHECK(has(page, ".SH EXIT STATUS\n.TP\n\\fB0\\fR\nIt was read.\n"));
  CHECK(has(page, ".SH ENVIRONMENT\n"));
  CHECK(has(page, "\\fBREADER_CONFIG\\fR\nFILE\n"));
  CHECK_FALSE(has(page, ".SH FILES"));
  CHECK_FALSE(has(page, ".SH EXAMPLES"));
  CHECK_FALSE(has(page, ".SH COMMANDS"));
}

TEST_CASE("where a program takes a file, shells complete files beside its options") {
  const Reader reader;
  CHECK(has(reader.said({"--completion", "bash"}), "compgen -f -W "));
  CHECK(has(reader.said({"--completion", "zsh"}), "'*:FILE:_files'"));
  CHECK_FALSE(has(reader.said({"--completion", "fish"}), "complete -c reader -f\n"));
}

TEST_CASE("a program without subcommands says which option was meant, or which word is too many") {
  Reader reader;
  const auto fault = [&](std::vector<std::string> arguments) {
    std::reverse(arguments.begin(), arguments.end());
    CHECK_THROWS_AS(reader.app.parse(arguments), CLI::ParseError);
    return unknown_word(reader.app, "one file");
  };
  CHECK(fault({"a.yaml", "--chekc"}) == "there is no option --chekc; did you mean --check?");
  CHECK(fault({"a.yaml", "b.yaml"}) == "\"b.yaml\" is one word too many; one file");
  CHECK(fault({"--check"}).empty());
}
