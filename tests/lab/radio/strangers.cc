#include "tests/lab/radio/strangers.h"

#include "tests/lab/radio/controller.h"

namespace btb::lab {

namespace {

constexpr Micros round = 1'000'000;  // in which each has its turn

}  // namespace

void Strangers::add(ByteVector data) {
  if (++made_[0] == 0) ++made_[1];
  all_.push_back({Address{made_[0], made_[1], 0, 0, 0, 0xC0}, std::move(data)});  // random, static
  if (running_) return;
  running_ = true;
  air_.agenda.at(air_.now(), [this] { advertise(); });
}

void Strangers::advertise() {
  if (all_.empty()) {
    running_ = false;
    return;
  }
  next_ = (next_ + 1) % all_.size();
  const Stranger& one = all_[next_];
  for (Controller* controller : air_.controllers()) controller->overhear(one.address, one.data);
  air_.agenda.at(air_.now() + round / static_cast<Micros>(all_.size()), [this] { advertise(); });
}

}  // namespace btb::lab
