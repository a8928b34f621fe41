#include "daemon/imports/commit_import.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/cache/tree_parser.h"
#include "daemon/pull/blob_sharing.h"
#include "daemon/pull/commit_files.h"
#include "daemon/pull/selection.h"

namespace batuta::imports {
namespace {

// Up to here a blob waits in memory until it is whole, and is published together with others.
constexpr uint64_t kSmallBytes = 256 << 10;
constexpr size_t kSmallGroup = 256;

// What is reserved at once for small blobs whose sizes nobody said.
constexpr uint64_t kChunkBytes = 4 << 20;

absl::Status OutOfOrder(std::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument, what);
}

absl::Status Mismatch(std::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, reason::kDigestMismatch, what,
                   "the archive is damaged, or not what it claims to be; nothing of it is visible");
}

}  // namespace

absl::StatusOr<std::unique_ptr<CommitImport>> CommitImport::Begin(const ImportContext& context,
                                                                  ImportSpec spec) {
  std::unique_ptr<CommitImport> arrival(new CommitImport(context, std::move(spec)));
  RETURN_IF_ERROR(arrival->TakeFiles());
  RETURN_IF_ERROR(arrival->CheckNames());
  RETURN_IF_ERROR(arrival->TakeTree());
  RETURN_IF_ERROR(arrival->LookAndReserve());
  return arrival;
}

CommitImport::CommitImport(const ImportContext& context, ImportSpec spec)
    : context_(context),
      spec_(std::move(spec)),
      // From before it is looked what is here: nothing of it may go from now on.
      lease_(context.inventory.leases().Take(spec_.repo, std::nullopt)) {}

absl::Status CommitImport::TakeFiles() {
  std::set<std::string_view> paths;
  for (const Entry& file : spec_.files) {
    if (!paths.insert(file.path.text()).second) {
      return OutOfOrder(fmt::format("{} is there twice", Printable(file.path.text())));
    }
    Wanted& wanted = wanted_[file.blob];
    wanted.files.push_back(static_cast<size_t>(&file - spec_.files.data()));
    if (file.size_bytes == 0) continue;
    if (wanted.size_bytes.value_or(file.size_bytes) != file.size_bytes) {
      return OutOfOrder(fmt::format("blob {} cannot have two sizes", file.blob.hex()));
    }
    wanted.size_bytes = file.size_bytes;
  }
  return absl::OkStatus();
}

// As if a pull had named all these files.
absl::Status CommitImport::CheckNames() {
  if (context_.guard == nullptr || spec_.files.empty()) return absl::OkStatus();
  pull::SelectionRequest request;
  request.repo_type = spec_.repo.type();
  request.allow_unsafe = spec_.allow_unsafe;
  request.allow_malicious = spec_.allow_malicious;
  for (const Entry& file : spec_.files) request.paths.push_back(file.path.text());
  RETURN_IF_ERROR(pull::PlanSelection(Tree{spec_.commit, spec_.files}, request).status());
  ASSIGN_OR_RETURN(const guard::Consent consent,
                   guard::MakeConsent(spec_.repo.type(), spec_.allow_unsafe, spec_.allow_malicious));
  guard_ = std::make_shared<guard::PullGuard>(*context_.guard, spec_.repo, spec_.commit, consent, spec_.who);
  return absl::OkStatus();
}

absl::Status CommitImport::TakeTree() {
  ASSIGN_OR_RETURN(listing_, context_.cache.ReadTree(spec_.repo, spec_.commit));
  if (listing_) RETURN_IF_ERROR(Learn(listing_->entries, "the listing that this cache has"));
  if (spec_.tree.empty()) return absl::OkStatus();
  std::optional<std::vector<Entry>> entries = cache::ParseTree(std::string_view(spec_.tree));
  if (!entries) return Mismatch("the listing of the commit is damaged");
  RETURN_IF_ERROR(Learn(*entries, "the listing"));
  listing_is_new_ = !listing_;
  if (listing_is_new_) listing_ = Tree{spec_.commit, *std::move(entries)};
  return absl::OkStatus();
}

// Every file must be in the listing of its commit, as it is there.
absl::Status CommitImport::Learn(const std::vector<Entry>& listing, std::string_view whose) {
  std::map<std::string_view, const Entry*> by_path;
  for (const Entry& entry : listing) by_path.emplace(entry.path.text(), &entry);
  for (const Entry& file : spec_.files) {
    const auto found = by_path.find(file.path.text());
    std::optional<uint64_t>& size_bytes = wanted_.at(file.blob).size_bytes;
    if (found == by_path.end() || found->second->blob != file.blob ||
        size_bytes.value_or(found->second->size_bytes) != found->second->size_bytes) {
      return Mismatch(fmt::format("{} contradicts {} of the commit", Printable(file.path.text()), whose));
    }
    size_bytes = found->second->size_bytes;
  }
  return absl::OkStatus();
}

absl::Status CommitImport::LookAndReserve() {
  ASSIGN_OR_RETURN(const cache::RepoSurvey survey, context_.cache.Survey(spec_.repo));
  const auto note = [this](const std::string& name, uint64_t size_bytes) {
    const absl::StatusOr<BlobId> blob = BlobId::Parse(name);
    if (!blob.ok()) return;
    const auto found = wanted_.find(*blob);
    if (found != wanted_.end()) found->second.here_bytes = size_bytes;
  };
  for (const cache::SurveyedSnapshot& snapshot : survey.snapshots) {
    for (const cache::SurveyedFile& file : snapshot.files) note(file.blob, file.size_bytes);
  }
  for (const cache::LooseFile& file : survey.loose) note(file.name, file.size_bytes);
  RETURN_IF_ERROR(AdmitPresent());
  RETURN_IF_ERROR(Share());
  uint64_t missing_bytes = 0;
  for (auto& [blob, wanted] : wanted_) {
    wanted.was_here = wanted.is_here();
    if (!wanted.was_here) missing_bytes += wanted.size_bytes.value_or(0);
  }
  return ReserveMore(missing_bytes);
}

// What is here is not sent for, and what was inspected is believed.
absl::Status CommitImport::AdmitPresent() {
  if (guard_ == nullptr) return absl::OkStatus();
  for (Entry file : spec_.files) {
    const Wanted& wanted = wanted_.at(file.blob);
    if (!wanted.is_here()) continue;
    file.size_bytes = *wanted.here_bytes;
    RETURN_IF_ERROR(Annotate(pull::AdmitCached(context_.cache, context_.verified, *guard_, file,
                                               {.repo = spec_.repo, .blob = file.blob.hex()}),
                             file.path.text()));
  }
  return absl::OkStatus();
}

// The same bytes in several repos are one file. What the archive has of them is verified all the same, and
// not kept.
absl::Status CommitImport::Share() {
  std::vector<Entry> missing;
  for (const Entry& file : spec_.files) {
    const Wanted& wanted = wanted_.at(file.blob);
    if (wanted.is_here() || !wanted.size_bytes) continue;
    missing.push_back(file);
    missing.back().size_bytes = *wanted.size_bytes;
  }
  const auto holders = context_.inventory.HoldersOf(missing, spec_.repo);
  std::vector<pull::HeldBlob> held;
  for (size_t i = 0; i < missing.size(); ++i) {
    if (!holders[i]) continue;
    const Entry& file = missing[i];
    if (guard_ != nullptr) {
      RETURN_IF_ERROR(Annotate(pull::AdmitCached(context_.cache, context_.verified, *guard_, file,
                                                 {.repo = *holders[i], .blob = file.blob.hex()}),
                               file.path.text()));
    }
    held.push_back({file, *holders[i]});
  }
  const std::vector<bool> is_shared =
      pull::ShareBlobs(context_.cache, context_.verified, spec_.repo, held, [] { return true; });
  for (size_t i = 0; i < held.size(); ++i) {
    if (is_shared[i]) wanted_.at(held[i].entry.blob).here_bytes = held[i].entry.size_bytes;
  }
  return absl::OkStatus();
}

absl::Status CommitImport::ReserveMore(uint64_t bytes) {
  ASSIGN_OR_RETURN(cache::SpaceLedger::Reservation more, context_.space.Reserve(context_.cache, bytes));
  space_.push_back(std::move(more));
  return absl::OkStatus();
}

absl::Status CommitImport::BeginBlob(const BlobId& blob, uint64_t size_bytes) {
  if (arriving_) return OutOfOrder(fmt::format("blob {} is not whole yet", arriving_->blob.hex()));
  const auto found = wanted_.find(blob);
  if (found == wanted_.end()) return OutOfOrder(fmt::format("no file wants blob {}", blob.hex()));
  Wanted& wanted = found->second;
  if (wanted.has_come) return OutOfOrder(fmt::format("blob {} comes a second time", blob.hex()));
  if (wanted.size_bytes.value_or(size_bytes) != size_bytes) {
    return Mismatch(
        fmt::format("blob {} has {} bytes, its file {}", blob.hex(), size_bytes, *wanted.size_bytes));
  }
  const bool is_news = !wanted.size_bytes;
  wanted.size_bytes = size_bytes;
  wanted.has_come = true;
  if (is_news && !wanted.is_here() && space_.back().bytes() < size_bytes) {
    RETURN_IF_ERROR(ReserveMore(std::max(size_bytes, kChunkBytes)));
  }
  Arriving arriving{.blob = blob,
                    .size_bytes = size_bytes,
                    .received_bytes = 0,
                    .hash = transfer::ContentHash(blob.kind(), size_bytes)};
  arriving.is_kept = !wanted.is_here();
  if (arriving.is_kept && size_bytes > kSmallBytes) {
    ASSIGN_OR_RETURN(arriving.staged, context_.cache.Stage(spec_.repo, blob, {}));
    ASSIGN_OR_RETURN(arriving.file, arriving.staged->OpenForWriting());
  }
  arriving_.emplace(std::move(arriving));
  return size_bytes == 0 ? EndBlob() : absl::OkStatus();
}

absl::Status CommitImport::Append(std::span<const std::byte> bytes) {
  if (!arriving_) return OutOfOrder("bytes that belong to no blob");
  if (bytes.size() > arriving_->size_bytes - arriving_->received_bytes) {
    return OutOfOrder(fmt::format("blob {} is longer than it said", arriving_->blob.hex()));
  }
  arriving_->hash.Update(bytes);
  RETURN_IF_ERROR(Write(bytes));
  arriving_->received_bytes += bytes.size();
  return arriving_->received_bytes == arriving_->size_bytes ? EndBlob() : absl::OkStatus();
}

absl::Status CommitImport::Write(std::span<const std::byte> bytes) {
  if (!arriving_->is_kept) return absl::OkStatus();
  if (arriving_->file == nullptr) {
    arriving_->bytes.insert(arriving_->bytes.end(), bytes.begin(), bytes.end());
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(arriving_->file->WriteAt(arriving_->received_bytes, bytes));
  space_.back().Use(bytes.size());
  return absl::OkStatus();
}

absl::Status CommitImport::EndBlob() {
  ASSIGN_OR_RETURN(const std::string digest, arriving_->hash.Finish());
  if (digest != arriving_->blob.hex()) {
    return Mismatch(fmt::format("the bytes of blob {} have the digest {}", arriving_->blob.hex(), digest));
  }
  Arriving blob = *std::move(arriving_);
  arriving_.reset();
  if (!blob.is_kept) return absl::OkStatus();
  Wanted& wanted = wanted_.at(blob.blob);
  if (blob.file != nullptr) {
    safety::FileSource bytes(*blob.file, blob.size_bytes);
    RETURN_IF_ERROR(Admit(wanted, bytes));
  } else {
    safety::MemorySource bytes({reinterpret_cast<const char*>(blob.bytes.data()), blob.bytes.size()});
    RETURN_IF_ERROR(Admit(wanted, bytes));
  }
  imported_bytes_ += blob.size_bytes;
  wanted.here_bytes = blob.size_bytes;
  if (blob.staged) {
    blob.file.reset();
    staged_.push_back(*std::move(blob.staged));
    return Publish();
  }
  auto staged = context_.cache.Stage(spec_.repo, blob.blob, blob.bytes);
  if (!absl::IsAlreadyExists(staged.status())) {
    RETURN_IF_ERROR(staged.status());
    staged_.push_back(*std::move(staged));
  }
  space_.back().Use(blob.size_bytes);
  return staged_.size() < kSmallGroup ? absl::OkStatus() : Publish();
}

// All of the blob is here, under a name that nobody looks at.
absl::Status CommitImport::Admit(const Wanted& wanted, safety::ByteSource& bytes) {
  if (guard_ == nullptr) return absl::OkStatus();
  for (const size_t index : wanted.files) {
    const Entry& file = spec_.files[index];
    RETURN_IF_ERROR(Annotate(guard_->AdmitWhole(file, bytes), file.path.text()));
  }
  return absl::OkStatus();
}

// What they say of each other, held against the listing; without one nobody knows what is missing.
absl::Status CommitImport::AdmitAmongOthers() {
  if (guard_ == nullptr) return absl::OkStatus();
  auto plan = std::make_shared<pull::PullPlan>(pull::PullPlan{.commit = spec_.commit,
                                                              .snapshot_path = {},
                                                              .files = {},
                                                              .has_listing = listing_.has_value(),
                                                              .tree = Tree{spec_.commit, {}}});
  for (const Entry& file : listing_ ? listing_->entries : spec_.files) {
    plan->files.push_back({.entry = file, .action = pull::PlannedFile::Action::kSkip, .reason = ""});
  }
  pull::CommitFiles files(context_.cache, spec_.repo, std::move(plan));
  for (const Entry& file : spec_.files) {
    const absl::Status admitted = guard_->AdmitAmongOthers(file, files);
    if (absl::IsNotFound(admitted)) continue;  // it is not among the blobs, and linking it tells why
    RETURN_IF_ERROR(Annotate(admitted, file.path.text()));
  }
  return absl::OkStatus();
}

absl::Status CommitImport::Publish() {
  for (const absl::Status& status : context_.cache.Publish(std::exchange(staged_, {}))) {
    RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

absl::StatusOr<ImportOutcome> CommitImport::Finish() {
  if (arriving_) return Mismatch(fmt::format("blob {} is not whole", arriving_->blob.hex()));
  RETURN_IF_ERROR(Publish());
  ImportOutcome outcome{.snapshot = context_.cache.SnapshotPath(spec_.repo, spec_.commit),
                        .imported_bytes = imported_bytes_};
  for (Entry& file : spec_.files) {
    const Wanted& wanted = wanted_.at(file.blob);
    file.size_bytes = wanted.here_bytes.value_or(0);
    if (!wanted.is_here()) {
      return Mismatch(fmt::format("{} is missing: blob {}", Printable(file.path.text()), file.blob.hex()));
    }
    ++(wanted.was_here ? outcome.present_files : outcome.imported_files);
  }
  RETURN_IF_ERROR(AdmitAmongOthers());
  RETURN_IF_ERROR(PutUp());
  return outcome;
}

absl::Status CommitImport::PutUp() {
  if (listing_is_new_) RETURN_IF_ERROR(context_.cache.WriteTree(spec_.repo, *listing_));
  std::vector<std::string> paths;
  for (const Entry& file : spec_.files) {
    ASSIGN_OR_RETURN(const bool is_linked, context_.cache.LinkExisting(spec_.repo, spec_.commit, file));
    if (!is_linked) {
      return MakeError(
          absl::StatusCode::kAborted, reason::kUpstreamChanged,
          fmt::format("{} vanished from the cache before it could be linked", Printable(file.path.text())),
          "another program is deleting from the cache; import again");
    }
    paths.push_back(file.path.text());
  }
  // Makes the links durable, also when no ref leads here.
  RETURN_IF_ERROR(context_.cache.WriteRef(spec_.repo, Revision::From(spec_.commit), spec_.commit));
  for (const Revision& ref : spec_.refs) {
    RETURN_IF_ERROR(context_.cache.WriteRef(spec_.repo, ref, spec_.commit));
  }
  if (!spec_.label.empty()) {
    return context_.inventory.RecordPull(spec_.repo, spec_.commit, spec_.label, std::move(paths));
  }
  RETURN_IF_ERROR(context_.inventory.Refresh(spec_.repo).status());
  context_.inventory.NoteOwnWrites(spec_.repo);
  return context_.inventory.Touch(spec_.repo, spec_.commit, std::nullopt);
}

}  // namespace batuta::imports
