// Makes the ids of configuration rows. Used by the catalog's worker only.
#pragma once
#include "base/ids.h"
#include "io/clock.h"
#include "io/entropy.h"

namespace posthorn::catalog {

// Each id is above every id made before it, and above everything it was told to stay above: the
// time part never goes back, two bytes count within one step of it, the rest is random.
class IdMaker {
 public:
  IdMaker(const io::Clock& clock, io::Entropy& entropy) : clock_(clock), entropy_(entropy) {}
  IdBytes next();
  // For the ids that the store has already.
  void stay_above(const IdBytes& id);

 private:
  const io::Clock& clock_;
  io::Entropy& entropy_;
  WallTime time_;  // of the newest id, as its time part gives it
  uint32_t count_ = 0;
};

}  // namespace posthorn::catalog
