#include "tests/platform/recorded_disk.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "daemon/base/check.h"

namespace latchkey::platform {
namespace {

// Torn writes come apart here.
constexpr std::size_t kSector = 512;

struct RecordedFile {
  sqlite3_file base;
  RecordedDisk::Vfs* disk;
  std::string* path;  // none: a temporary file of SQLite's own
  sqlite3_file* real;
};

RecordedFile* Of(sqlite3_file* file) {
  return static_cast<RecordedFile*>(static_cast<void*>(file));
}
sqlite3_file* Real(sqlite3_file* file) {
  return Of(file)->real;
}

}  // namespace

struct RecordedDisk::Vfs {
  sqlite3_vfs vfs{};
  sqlite3_vfs* real = nullptr;
  sqlite3_io_methods methods{};
  RecordedDisk* disk = nullptr;

  void Note(const std::string* path, DiskStep step) const {
    if (!disk->recording_ || path == nullptr) return;
    step.file = *path;
    disk->steps_.push_back(std::move(step));
  }
};

namespace {

using Kind = DiskStep::Kind;

int Close(sqlite3_file* file) {
  RecordedFile* own = Of(file);
  const int code = own->real->pMethods->xClose(own->real);
  delete own->path;
  return code;
}
int Read(sqlite3_file* file, void* out, int size, sqlite3_int64 at) {
  return Real(file)->pMethods->xRead(Real(file), out, size, at);
}
int Write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 at) {
  const int code = Real(file)->pMethods->xWrite(Real(file), bytes, size, at);
  const auto* first = static_cast<const std::uint8_t*>(bytes);
  DiskStep step{Kind::kWrite, {}, static_cast<std::size_t>(at), ByteVector(first, first + size), true};
  if (code == SQLITE_OK) Of(file)->disk->Note(Of(file)->path, std::move(step));
  return code;
}
int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  const int code = Real(file)->pMethods->xTruncate(Real(file), size);
  if (code == SQLITE_OK)
    Of(file)->disk->Note(Of(file)->path, {Kind::kTruncate, {}, static_cast<std::size_t>(size), {}, true});
  return code;
}
int Sync(sqlite3_file* file, int) {
  Of(file)->disk->Note(Of(file)->path, {Kind::kSync, {}, 0, {}, true});
  return SQLITE_OK;
}
int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  return Real(file)->pMethods->xFileSize(Real(file), size);
}
int Lock(sqlite3_file* file, int how) {
  return Real(file)->pMethods->xLock(Real(file), how);
}
int Unlock(sqlite3_file* file, int how) {
  return Real(file)->pMethods->xUnlock(Real(file), how);
}
int CheckReservedLock(sqlite3_file* file, int* out) {
  return Real(file)->pMethods->xCheckReservedLock(Real(file), out);
}
int FileControl(sqlite3_file* file, int op, void* arg) {
  return Real(file)->pMethods->xFileControl(Real(file), op, arg);
}
int SectorSize(sqlite3_file* file) {
  return Real(file)->pMethods->xSectorSize(Real(file));
}
int DeviceCharacteristics(sqlite3_file* file) {
  return Real(file)->pMethods->xDeviceCharacteristics(Real(file));
}
int ShmMap(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
  return Real(file)->pMethods->xShmMap(Real(file), page, size, extend, out);
}
int ShmLock(sqlite3_file* file, int offset, int n, int flags) {
  return Real(file)->pMethods->xShmLock(Real(file), offset, n, flags);
}
void ShmBarrier(sqlite3_file* file) {
  Real(file)->pMethods->xShmBarrier(Real(file));
}
int ShmUnmap(sqlite3_file* file, int remove) {
  return Real(file)->pMethods->xShmUnmap(Real(file), remove);
}

RecordedDisk::Vfs& Of(sqlite3_vfs* vfs) {
  return *static_cast<RecordedDisk::Vfs*>(vfs->pAppData);
}

int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  RecordedDisk::Vfs& disk = Of(vfs);
  RecordedFile* own = Of(file);
  own->base.pMethods = nullptr;
  own->disk = &disk;
  own->real = static_cast<sqlite3_file*>(static_cast<void*>(own + 1));
  int there = 1;
  if (name != nullptr) (void)disk.real->xAccess(disk.real, name, SQLITE_ACCESS_EXISTS, &there);
  const int code = disk.real->xOpen(disk.real, name, own->real, flags, out_flags);
  if (code != SQLITE_OK) return code;
  own->path = name == nullptr ? nullptr : new std::string(name);
  own->base.pMethods = &disk.methods;
  if (there == 0) disk.Note(own->path, {Kind::kCreate, {}, 0, {}, true});
  return SQLITE_OK;
}
int Delete(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  RecordedDisk::Vfs& disk = Of(vfs);
  const int code = disk.real->xDelete(disk.real, name, sync_folder);
  const std::string path(name);
  if (code == SQLITE_OK) disk.Note(&path, {Kind::kDelete, {}, 0, {}, sync_folder != 0});
  return code;
}
int Access(sqlite3_vfs* vfs, const char* name, int flags, int* out) {
  return Of(vfs).real->xAccess(Of(vfs).real, name, flags, out);
}
int FullPathname(sqlite3_vfs* vfs, const char* name, int size, char* out) {
  return Of(vfs).real->xFullPathname(Of(vfs).real, name, size, out);
}

ByteVector ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void Apply(const DiskStep& step, std::optional<ByteVector>& content, std::size_t from, std::size_t size) {
  if (!content) content.emplace();
  content->resize(std::max(content->size(), step.at + from + size));
  std::copy_n(step.bytes.begin() + static_cast<std::ptrdiff_t>(from), size,
              content->begin() + static_cast<std::ptrdiff_t>(step.at + from));
}

void Apply(const DiskStep& step, std::optional<ByteVector>& content) {
  switch (step.kind) {
    case Kind::kCreate: content.emplace(); break;
    case Kind::kWrite: Apply(step, content, 0, step.bytes.size()); break;
    case Kind::kTruncate:
      if (content) content->resize(step.at);
      break;
    case Kind::kDelete: content.reset(); break;
    case Kind::kSync: break;
  }
}

// Each sector of a write, each other step, or not.
void ApplyParts(const DiskStep& step, std::optional<ByteVector>& content, std::mt19937& random) {
  if (step.kind != Kind::kWrite) {
    if ((random() & 1U) != 0) Apply(step, content);
    return;
  }
  for (std::size_t from = 0; from < step.bytes.size();) {
    const std::size_t border = kSector - (step.at + from) % kSector;
    const std::size_t size = std::min(border, step.bytes.size() - from);
    if ((random() & 1U) != 0) Apply(step, content, from, size);
    from += size;
  }
}

}  // namespace

RecordedDisk::RecordedDisk() : vfs_(std::make_unique<Vfs>()) {
  vfs_->disk = this;
  vfs_->real = sqlite3_vfs_find(nullptr);
  LATCHKEY_CHECK(vfs_->real != nullptr);
  vfs_->vfs = *vfs_->real;
  vfs_->vfs.pNext = nullptr;
  vfs_->vfs.zName = "recorded";
  vfs_->vfs.pAppData = vfs_.get();
  vfs_->vfs.szOsFile = static_cast<int>(sizeof(RecordedFile)) + vfs_->real->szOsFile;
  vfs_->vfs.xOpen = Open;
  vfs_->vfs.xDelete = Delete;
  vfs_->vfs.xAccess = Access;
  vfs_->vfs.xFullPathname = FullPathname;
  // Version 2: with shared memory, without mapped files, which nobody could watch.
  vfs_->methods = {2,
                   Close,
                   Read,
                   Write,
                   Truncate,
                   Sync,
                   FileSize,
                   Lock,
                   Unlock,
                   CheckReservedLock,
                   FileControl,
                   SectorSize,
                   DeviceCharacteristics,
                   ShmMap,
                   ShmLock,
                   ShmBarrier,
                   ShmUnmap,
                   nullptr,
                   nullptr};
  LATCHKEY_CHECK(sqlite3_vfs_register(&vfs_->vfs, 1) == SQLITE_OK);
}

RecordedDisk::~RecordedDisk() {
  (void)sqlite3_vfs_unregister(&vfs_->vfs);
  (void)sqlite3_vfs_register(vfs_->real, 1);
}

DiskReplay::DiskReplay(const std::vector<DiskStep>& steps, const std::string& folder)
    : steps_(steps), folder_(folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    files_[entry.path().string()].certain = ReadFile(entry.path().string());
}

bool DiskReplay::Step() {
  if (at_ == steps_.size()) return false;
  const DiskStep& step = steps_[at_++];
  File& file = files_[step.file];
  file.open.push_back(&step);
  if (step.kind != Kind::kSync && (step.kind != Kind::kDelete || !step.durable)) return true;
  for (const DiskStep* open : file.open) Apply(*open, file.certain);
  file.open.clear();
  return true;
}

void DiskReplay::Leave(Left what, std::mt19937& random, const std::string& folder) const {
  for (const auto& [path, file] : files_) {
    std::optional<ByteVector> content = file.certain;
    for (const DiskStep* open : file.open) {
      if (what == Left::kEverything) Apply(*open, content);
      if (what == Left::kParts) ApplyParts(*open, content, random);
    }
    const std::string to = folder + path.substr(folder_.size());
    if (!content) {
      std::filesystem::remove(to);
      continue;
    }
    std::ofstream out(to, std::ios::binary | std::ios::trunc);
    std::copy(content->begin(), content->end(), std::ostreambuf_iterator<char>(out));
  }
}

}  // namespace latchkey::platform
