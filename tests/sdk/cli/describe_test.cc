// Help, manual page and completions: made from the options, so they must name each of them, and
// shells must take them.
#include "tests/sdk/cli/process.h"

using namespace btb;
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

TEST_CASE(
    "what cannot be written is said, and does not end with 0; a reader that went away is none") {
  std::vector<std::pair<std::string, std::vector<std::string>>> cases;
  for (const char* program : {"btsub", "btpub", "btctl"}) {
    for (const char* option : {"--help", "--version", "--man", "--completion=fish"}) {
      cases.push_back({program, {option}});
    }
  }
  cases.push_back({"btctl", {"doctor"}});
  cases.push_back({"btctl", {"doctor", "--json"}});
  for (const auto& [program, arguments] : cases) {
    CAPTURE(program);
    CAPTURE(arguments[0]);
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    REQUIRE(full >= 0);
    Process process(program, arguments, "", {}, full);
    ::close(full);
    CHECK(process.wait() == 1);
    CHECK(process.err() == program + ": standard output: No space left on device\n");
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    ::close(ends[0]);
    Process unread(program, arguments, "", {}, ends[1]);
    ::close(ends[1]);
    const int exit = unread.wait();
    CHECK((exit == 0 || (exit == 1 && arguments[0] == "doctor")));  // it may have found something
    CHECK(unread.err().empty());
  }
}

TEST_CASE("bash completes what a running broker knows, as data, and quietly where there is none") {
  Served broker;
  const std::string folder =
      std::filesystem::temp_directory_path() / ("btb_asks_" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  // Completes the last of the words; what is before it stands in the line.
  const auto completes = [&](const std::string& program, const std::string& line,
                             const std::string& words, const std::string& body) {
    std::ofstream(folder + "/script")
        << output_of(program, {"--completion", "bash"}) << "COMP_LINE='" << line
        << "'\nCOMP_WORDS=('" << BTB_BIN_DIR << "/" << program << "' " << words
        << ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_" << program
        << "\nprintf '%s\\n' \"${COMPREPLY[@]}\" > out\n";
    const pid_t child = ::fork();
    if (child == 0) {
      if (::chdir(folder.c_str()) != 0) ::_exit(126);
      if (!body.empty()) ::setenv("BTB_COMPLETION_TIMEOUT", "300", 1);
      ::execl("/bin/bash", "bash", "--norc", "script", nullptr);
      ::_exit(127);
    }
    if (!body.empty()) {
      broker.greet(true);
      const auto command = broker.await<fb::CommandT>();
      fb::ReplyT reply;
      reply.id = command.id;
      reply.body = body;
      broker.say(reply);
      (void)broker.await<fb::GoodbyeT>();
      broker.hang_up();
    }
    int status = -1;
    wait_until([&] { return ::waitpid(child, &status, WNOHANG) == child; });
    CHECK(status == 0);
    return contents(folder + "/out");
  };
  const std::string here = "-b " + broker.address() + " ";
  CHECK(completes("btctl", "btctl " + here + "pause me", "-b x pause me",
                  R"_([{"name":"medication"},{"name":"beds"},{"name":"me$(touch evil)"}])_") ==
        "medication\nme\\$\\(touch\\ evil\\)\n");
  CHECK(completes("btctl", "btctl " + here + "kick ", "-b x kick ''",
                  R"([{"id":7,"name":"btsub"},{"id":12,"name":"x"}])")
            .ends_with("7\n12\n"));
  CHECK(completes("btsub", "btsub " + here + "ward/", "-b x ward/",
                  R"([{"name":"ward/3"},{"name":"log"}])") == "ward/3\n");
  CHECK(completes("btctl", "btctl -b unix:/nonexistent pause x", "-b x pause x", "") == "\n");
  CHECK_FALSE(std::filesystem::exists(folder + "/evil"));
  std::filesystem::remove_all(folder);
}
