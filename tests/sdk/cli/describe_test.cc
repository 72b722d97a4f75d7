// Help, manual page and completions: made from the options, so they must name each of them, and
// shells must take them.
#include "tests/sdk/cli/process.h"

using namespace btb::cli;

namespace {

std::string output_of(const std::string& program, std::vector<std::string> arguments) {
  Process process(program, std::move(arguments));
  CHECK(process.wait() == 0);
  CHECK(process.err().empty());
  return process.out();
}

// Every "--option" that the help names.
std::vector<std::string> options_in(const std::string& help) {
  std::vector<std::string> options;
  const std::string part = help.substr(0, help.find("\nExamples:"));
  for (size_t at = 0; (at = part.find("--", at)) != std::string::npos;) {
    const size_t end = part.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", at);
    if (end > at + 2) options.push_back(part.substr(at, end - at));
    at = end;
  }
  return options;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
  return text;
}

}  // namespace

TEST_CASE("help tells examples, exit codes and where else options come from") {
  for (const char* program : {"btsub", "btpub", "btctl"}) {
    const std::string help = output_of(program, {"--help"});
    for (const char* word : {"Examples:", "Exit codes:", "client.yaml", "BTB_CONNECT_TIMEOUT"}) {
      CAPTURE(word);
      CHECK(help.find(word) != std::string::npos);
    }
    CHECK(output_of(program, {"--version"}) == std::string(program) + " " BTB_VERSION "\n");
  }
}

TEST_CASE("manual page and completions have every option of the help") {
  for (const char* program : {"btsub", "btpub"}) {
    const auto options = options_in(output_of(program, {"--help"}));
    CHECK(options.size() > 10);
    const std::string man = replaced(output_of(program, {"--man"}), "\\-", "-");
    const std::string bash = output_of(program, {"--completion", "bash"});
    const std::string zsh = output_of(program, {"--completion", "zsh"});
    const std::string fish = output_of(program, {"--completion", "fish"});
    for (const std::string& option : options) {
      CAPTURE(option);
      CHECK(man.find(option) != std::string::npos);
      CHECK(bash.find(option) != std::string::npos);
      CHECK(zsh.find(option) != std::string::npos);
      CHECK(fish.find("-l " + option.substr(2)) != std::string::npos);
    }
  }
}

TEST_CASE("bash completes options, values and commands") {
  const auto completes = [](const std::string& program, const std::string& words, size_t index) {
    const std::string script = output_of(program, {"--completion", "bash"});
    const std::string file = std::filesystem::temp_directory_path() /
                             ("btb_completion_" + std::to_string(getpid()) + "_" + program);
    std::ofstream(file) << script << "COMP_WORDS=(" << words << ")\nCOMP_CWORD=" << index << "\n_"
                        << program << "\necho \"${COMPREPLY[@]}\" > '" << file << ".out'\n";
    CHECK(std::system(("bash '" + file + "'").c_str()) == 0);
    const std::string found = contents(file + ".out");
    std::filesystem::remove(file);
    std::filesystem::remove(file + ".out");
    return found;
  };
  CHECK(completes("btsub", "btsub --connect", 1) == "--connect-timeout\n");
  CHECK(completes("btsub", "btsub -f ''", 2) == "text json csv table raw hex\n");
  CHECK(completes("btpub", "btpub --ack m", 2) == "memory\n");
  CHECK(completes("btctl", "btctl re", 1) == "reload resume\n");
  CHECK(completes("btctl", "btctl kick --h", 2) == "--help\n");
}
