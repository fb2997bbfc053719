// What SQLite calls for files, time and randomness. Never believes the disk after a failed sync.
#include "store/engines/sqlite/disk_vfs.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cstring>
#include <new>
#include <span>

namespace posthorn::store::sqlite {
namespace {

constexpr int kPathMax = 4096;
constexpr int kSectorBytes = 4096;
// SQLite counts milliseconds from noon of 24 November 4714 BC.
constexpr sqlite3_int64 kJulianUnixEpochMs = 210866760000000;

}  // namespace

struct DiskVfs::State {
  State(io::Host& h, bool only_reads) : host(h), read_only(only_reads) {}

  // Keeps what the disk said and answers `code`.
  int failed(Error why, int code) {
    last_error = std::move(why);
    return last_error.code == Errc::kNoSpace ? SQLITE_FULL : code;
  }

  io::Host& host;
  const bool read_only;
  std::string name;
  Error last_error{Errc::kInternal, "no error of the disk"};
  bool sync_failed = false;
  sqlite3_vfs vfs{};

  // One open file, in memory that SQLite gives.
  struct OpenFile {
    sqlite3_file base;
    State* state;
    std::unique_ptr<io::File> file;  // null: an empty one, of a read-only folder
    std::string path;
    bool fresh;  // made by this open: its name is not durable yet
  };

  static State& of(sqlite3_vfs* vfs) { return *static_cast<State*>(vfs->pAppData); }
  static OpenFile& of(sqlite3_file* file) { return *reinterpret_cast<OpenFile*>(file); }

  static int close(sqlite3_file* file) {
    of(file).~OpenFile();
    return SQLITE_OK;
  }

  static int read(sqlite3_file* file, void* into, int count, sqlite3_int64 offset) {
    OpenFile& open = of(file);
    const auto bytes = static_cast<size_t>(count);
    const std::span<char> to(static_cast<char*>(into), bytes);
    auto got = open.file ? open.file->read(static_cast<uint64_t>(offset), to) : Result<size_t>(0);
    if (!got.ok()) return open.state->failed(std::move(got).error(), SQLITE_IOERR_READ);
    if (got.value() == bytes) return SQLITE_OK;
    std::memset(static_cast<char*>(into) + got.value(), 0, bytes - got.value());
    return SQLITE_IOERR_SHORT_READ;
  }

  static int write(sqlite3_file* file, const void* from, int count, sqlite3_int64 offset) {
    OpenFile& open = of(file);
    if (open.state->read_only) return SQLITE_READONLY;
    if (open.state->sync_failed) return SQLITE_IOERR_WRITE;
    const ByteView part(static_cast<const char*>(from), static_cast<size_t>(count));
    Status written = open.file->write(static_cast<uint64_t>(offset), std::span(&part, 1));
    if (written.ok()) return SQLITE_OK;
    return open.state->failed(std::move(written).error(), SQLITE_IOERR_WRITE);
  }

  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    OpenFile& open = of(file);
    if (open.state->read_only) return SQLITE_READONLY;
    if (open.state->sync_failed) return SQLITE_IOERR_TRUNCATE;
    Status cut = open.file->truncate(static_cast<uint64_t>(size));
    if (cut.ok()) return SQLITE_OK;
    return open.state->failed(std::move(cut).error(), SQLITE_IOERR_TRUNCATE);
  }

  static int sync(sqlite3_file* file, int) {
    OpenFile& open = of(file);
    State& state = *open.state;
    if (state.read_only) return SQLITE_OK;
    if (state.sync_failed) return SQLITE_IOERR_FSYNC;
    Status synced = open.file->sync();
    if (synced.ok() && open.fresh) {
      synced = state.host.disk().sync_directory(io::parent_directory(open.path));
    }
    if (synced.ok()) {
      open.fresh = false;
      return SQLITE_OK;
    }
    state.sync_failed = true;
    state.last_error = std::move(synced).error();
    return SQLITE_IOERR_FSYNC;
  }

  static int file_size(sqlite3_file* file, sqlite3_int64* size) {
    OpenFile& open = of(file);
    auto bytes = open.file ? open.file->size() : Result<uint64_t>(0);
    if (!bytes.ok()) return open.state->failed(std::move(bytes).error(), SQLITE_IOERR_FSTAT);
    *size = static_cast<sqlite3_int64>(bytes.value());
    return SQLITE_OK;
  }

  static int lock(sqlite3_file*, int) { return SQLITE_OK; }
  static int check_reserved_lock(sqlite3_file*, int* held) {
    *held = 0;
    return SQLITE_OK;
  }
  static int file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int sector_size(sqlite3_file*) { return kSectorBytes; }
  // Nothing is promised: a torn write may damage the whole sector around it.
  static int characteristics(sqlite3_file*) { return 0; }

  static const sqlite3_io_methods* methods() {
    static const sqlite3_io_methods kMethods = [] {
      sqlite3_io_methods m{};
      m.iVersion = 1;
      m.xClose = close;
      m.xRead = read;
      m.xWrite = write;
      m.xTruncate = truncate;
      m.xSync = sync;
      m.xFileSize = file_size;
      m.xLock = lock;
      m.xUnlock = lock;
      m.xCheckReservedLock = check_reserved_lock;
      m.xFileControl = file_control;
      m.xSectorSize = sector_size;
      m.xDeviceCharacteristics = characteristics;
      return m;
    }();
    return &kMethods;
  }

  struct OpenFlags {
    int asked;
    int* given;
  };
  static int open_to_read(State& state, const char* path, sqlite3_file* into, OpenFlags flags) {
    std::unique_ptr<io::File> file;
    const bool no_log = (flags.asked & SQLITE_OPEN_WAL) != 0 && !state.host.disk().exists(path);
    if (!no_log) {
      auto opened = state.host.disk().open(path, io::OpenMode::kRead);
      if (!opened.ok()) return state.failed(std::move(opened).error(), SQLITE_CANTOPEN);
      file = std::move(opened).value();
    }
    new (into) OpenFile{{methods()}, &state, std::move(file), path, false};
    constexpr int kForChanges = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (flags.given != nullptr) *flags.given = (flags.asked & ~kForChanges) | SQLITE_OPEN_READONLY;
    return SQLITE_OK;
  }

  // NOLINTNEXTLINE(readability-function-size): the parameters are SQLite's
  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* into, int flags,
                  int* out_flags) {
    into->pMethods = nullptr;
    // Temporary files are kept in memory (PRAGMA temp_store), so each file has a name.
    if (path == nullptr) return SQLITE_CANTOPEN;
    State& state = of(vfs);
    if (state.read_only) return open_to_read(state, path, into, {flags, out_flags});
    const bool fresh = !state.host.disk().exists(path);
    const bool make = (flags & SQLITE_OPEN_CREATE) != 0;
    const bool only_read = (flags & SQLITE_OPEN_READONLY) != 0;
    auto file = state.host.disk().open(path, make        ? io::OpenMode::kCreateOrOpen
                                             : only_read ? io::OpenMode::kRead
                                                         : io::OpenMode::kReadWrite);
    if (!file.ok()) return state.failed(std::move(file).error(), SQLITE_CANTOPEN);
    new (into) OpenFile{{methods()}, &state, std::move(file).value(), path, fresh};
    if (out_flags != nullptr) *out_flags = flags;
    return SQLITE_OK;
  }

  static int remove(sqlite3_vfs* vfs, const char* path, int sync_folder) {
    State& state = of(vfs);
    if (state.read_only) return SQLITE_READONLY;
    io::Disk& disk = state.host.disk();
    if (!disk.exists(path)) return SQLITE_IOERR_DELETE_NOENT;
    Status removed = disk.remove(path);
    if (removed.ok() && sync_folder != 0) removed = disk.sync_directory(io::parent_directory(path));
    if (removed.ok()) return SQLITE_OK;
    return state.failed(std::move(removed).error(), SQLITE_IOERR_DELETE);
  }

  static int access(sqlite3_vfs* vfs, const char* path, int, int* found) {
    *found = of(vfs).host.disk().exists(path) ? 1 : 0;
    return SQLITE_OK;
  }

  static int full_path(sqlite3_vfs*, const char* path, int size, char* out) {
    const size_t length = std::strlen(path);
    if (length >= static_cast<size_t>(size)) return SQLITE_CANTOPEN;
    std::memcpy(out, path, length + 1);
    return SQLITE_OK;
  }

  static int randomness(sqlite3_vfs* vfs, int count, char* out) {
    of(vfs).host.entropy().fill(
        std::span(reinterpret_cast<uint8_t*>(out), static_cast<size_t>(count)));
    return count;
  }
  static int sleep(sqlite3_vfs*, int) { return 0; }
  static int current_time(sqlite3_vfs* vfs, sqlite3_int64* out) {
    *out = kJulianUnixEpochMs + of(vfs).host.clock().wall().us / 1000;
    return SQLITE_OK;
  }
  static int last_error_code(sqlite3_vfs*, int, char*) { return 0; }
};

DiskVfs::DiskVfs(io::Host& host, bool read_only)
    : state_(std::make_unique<State>(host, read_only)) {
  // Names are global in SQLite; an address is used once at a time.
  state_->name = fmt::format("posthorn-{}", static_cast<const void*>(state_.get()));
  sqlite3_vfs& vfs = state_->vfs;
  vfs.iVersion = 2;
  vfs.szOsFile = sizeof(State::OpenFile);
  vfs.mxPathname = kPathMax;
  vfs.zName = state_->name.c_str();
  vfs.pAppData = state_.get();
  vfs.xOpen = State::open;
  vfs.xDelete = State::remove;
  vfs.xAccess = State::access;
  vfs.xFullPathname = State::full_path;
  vfs.xRandomness = State::randomness;
  vfs.xSleep = State::sleep;
  vfs.xGetLastError = State::last_error_code;
  vfs.xCurrentTimeInt64 = State::current_time;
  const int registered = sqlite3_vfs_register(&vfs, 0);
  CHECK(registered == SQLITE_OK, "sqlite3_vfs_register: {}", registered);
}

DiskVfs::~DiskVfs() { sqlite3_vfs_unregister(&state_->vfs); }

const std::string& DiskVfs::name() const { return state_->name; }
const Error& DiskVfs::last_error() const { return state_->last_error; }
bool DiskVfs::sync_failed() const { return state_->sync_failed; }

}  // namespace posthorn::store::sqlite
