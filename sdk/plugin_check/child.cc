// run_in_child: the child's side, then the text of its end, then the parent's side.
#include "sdk/plugin_check/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "sdk/base/clock.h"
#include "sdk/base/unique_fd.h"
#include "sdk/host/values.h"

namespace btb::host {
namespace {

// The child writes to the pipe: any number of "P<phase>\0", then one verdict as
// "V<outcome><fatal><text>".
constexpr char phase_tag = 'P';
constexpr char verdict_tag = 'V';
constexpr size_t report_bytes_max = 1U << 20;

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

// Prepares the child: its output goes to `output`, not to the terminal, and it dies with its
// parent.
void settle_in(int output) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  ::signal(SIGPIPE, SIG_IGN);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(null, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::close(null);
}

[[noreturn]] void run_child(int pipe, int output,
                            const std::function<Verdict(const Phase&)>& body) {
  settle_in(output);
  const Verdict verdict =
      body([pipe](const std::string& phase) { write_all(pipe, phase_tag + phase + '\0'); });
  std::string report{verdict_tag, static_cast<char>('0' + static_cast<int>(verdict.outcome)),
                     verdict.fatal ? 'f' : '-'};
  write_all(pipe, report + verdict.text.substr(0, report_bytes_max / 2));
  ::_exit(0);  // no destructors: they are the parent's, and a thread may hang in the plugin
}

// The most useful line of the child's output: a sanitizer's summary, the line with "what():" of an
// exception that nobody caught, or the last line.
std::string telling_line(int output) {
  std::array<char, 16'384> buffer{};
  const off_t size = ::lseek(output, 0, SEEK_END);
  const off_t from = size > static_cast<off_t>(buffer.size()) ? size - buffer.size() : 0;
  const ssize_t got = ::pread(output, buffer.data(), buffer.size(), from);
  std::string_view rest(buffer.data(), got > 0 ? static_cast<size_t>(got) : 0);
  std::string_view best;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) continue;
    best = line;
    if (line.starts_with("SUMMARY: ") || line.find("what():") != std::string_view::npos) break;
  }
  return best.empty() ? std::string() : " (it wrote: " + std::string(best) + ")";
}

struct Report {
  std::string phase = "load";
  bool complete = false;
  Verdict verdict;
};

Report parse_report(std::string_view text) {
  Report report;
  while (text.starts_with(phase_tag)) {
    const size_t end = std::min(text.find('\0'), text.size());
    report.phase = text.substr(1, end - 1);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (text.size() >= 3 && text.front() == verdict_tag) {
    report.complete = true;
    report.verdict.outcome = static_cast<CheckFinding::Outcome>(text[1] - '0');
    report.verdict.fatal = text[2] == 'f';
    report.verdict.text = text.substr(3);
  }
  return report;
}

void read_available(int pipe, std::string& report) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = ::read(pipe, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    if (report.size() < report_bytes_max) report.append(buffer.data(), static_cast<size_t>(got));
  }
}

// Reads the child's report until the child ends. False if it has not ended within the limit.
bool follow_child(int child, int pipe, uint32_t limit_ms, std::string& report) {
  const SystemClock clock;
  const uint64_t deadline = clock.mono_ms() + limit_ms;
  std::array<pollfd, 2> polled{{{child, POLLIN, 0}, {pipe, POLLIN, 0}}};
  for (;;) {
    const uint64_t now = clock.mono_ms();
    if (now >= deadline) return false;
    const int ready = ::poll(polled.data(), polled.size(), static_cast<int>(deadline - now));
    if (ready < 0 && errno != EINTR) return false;
    read_available(pipe, report);
    if (ready > 0 && (polled[0].revents & POLLIN) != 0) {
      read_available(pipe, report);
      return true;
    }
    if (ready > 0 && (polled[1].revents & POLLHUP) != 0) polled[1].fd = -1;
  }
}

Verdict verdict_of_end(const std::string& text, bool in_time, uint32_t limit_ms, int status,
                       int output) {
  Report report = parse_report(text);
  if (!in_time) {
    return Verdict::hung("hangs in " + report.phase + ": not back within " +
                         show_duration(limit_ms));
  }
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    return Verdict::hung("crashes in " + report.phase + ": SIG" + ::sigabbrev_np(number) + ", " +
                         ::strsignal(number) + telling_line(output));
  }
  if (report.complete && WEXITSTATUS(status) == 0) return std::move(report.verdict);
  return Verdict::hung("ends the whole process in " + report.phase + ", with exit code " +
                       std::to_string(WEXITSTATUS(status)) + telling_line(output));
}

}  // namespace

Verdict run_in_child(uint32_t limit_ms, const std::function<Verdict(const Phase&)>& body) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return Verdict::failed("pipe: " + std::string(std::strerror(errno)));
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
  const UniqueFd output(::memfd_create("plugin check output", MFD_CLOEXEC));
  const pid_t pid = ::fork();
  if (pid < 0) return Verdict::failed("fork: " + std::string(std::strerror(errno)));
  if (pid == 0) {
    read_end.reset();
    run_child(write_end.get(), output.get(), body);
  }
  write_end.reset();
  const UniqueFd child(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  std::string report;
  const bool in_time = follow_child(child.get(), read_end.get(), limit_ms, report);
  if (!in_time) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return verdict_of_end(report, in_time, limit_ms, status, output.get());
}

}  // namespace btb::host
