// Commands: what btctl can ask of a running broker. Each verb answers with JSON. Borrows the
// application; [loop] thread.
#pragma once

#include <string>
#include <vector>

#include "broker/app/application.h"

namespace btb {

class Commands {
 public:
  explicit Commands(Application& application) : app_(application) {}
  CommandResult run(const std::string& verb, const std::vector<std::string>& arguments);

 private:
  CommandResult status();
  CommandResult topics(const std::vector<std::string>& arguments);
  CommandResult sessions();
  CommandResult sources();
  CommandResult reload();
  CommandResult set_paused(const std::vector<std::string>& arguments, bool paused);
  CommandResult kick(const std::vector<std::string>& arguments);
  CommandResult enrol(const std::vector<std::string>& arguments);

  Application& app_;
};

}  // namespace btb
