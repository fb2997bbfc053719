// Checkpoints whose checksums hold and whose contents are anything: the loader and the readers of
// the sections answer or refuse, within bounds.
#include "store/engines/segment/checkpoint_format.h"
#include "store/engines/segment/due_runs.h"
#include "store/engines/segment/outcomes.h"
#include "store/testing/loose_blocks.h"
#include "store/testing/memory_disk.h"

namespace posthorn::store::segment {

void fuzz_checkpoint(ByteView input) {
  constexpr uint64_t kBytesMax = 1 << 20;
  testing::MemoryDisk disk;
  disk.set_bytes("c", blocks_from_loose(input));
  OpenFiles files(disk, 2);
  BlockCache cache(files, 1 << 20);
  const auto checkpoint = load_checkpoint(disk, "c");
  if (!checkpoint.ok()) return;
  for (const char* name : {"files", "end", "lanes", "outcomes", "due"}) {
    const auto section = (*checkpoint)->read(name, kBytesMax);
    if (!section.ok()) continue;
    (void)Outcomes::open(disk, cache, {"o"}, *section).ok();
    (void)DueRuns::open(disk, cache, {.directory = "d"}, *section).ok();
  }
}

}  // namespace posthorn::store::segment

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  posthorn::store::segment::fuzz_checkpoint({reinterpret_cast<const char*>(data), size});
  return 0;
}
