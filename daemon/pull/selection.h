#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/types/entry.h"
#include "common/types/repo_id.h"

namespace batuta::pull {

// What the caller of a pull named, and what they leave to the default choice.
struct SelectionRequest {
  RepoType repo_type = RepoType::kModel;
  std::vector<std::string> paths = {};    // exact files
  std::vector<std::string> include = {};  // globs (common/text/glob.h): only what matches one is taken
  std::vector<std::string> exclude = {};  // globs: what matches one is left out, after paths and include
  std::string
      format;  // "" (default choice), "safetensors", "gguf", "onnx", "pytorch", "all"; any letter case
  std::string quantization = {};  // label of one variant (gguf_variants.h, weight_variants.h), any letter
                                  // case; "" = none asked
  std::vector<std::string> allow_unsafe = {};  // admitted classes: "pickle", "code", "invalid", "unknown"
  bool allow_malicious = false;                // admits all of these, and what does harm

  // From a lock file: exactly these files, with exactly this content; then nothing else may be named or
  // chosen. Empty = no lock.
  std::vector<Entry> locked = {};
};

// Why a file may not be taken although its name promises no harm.
struct Objection {
  std::string level;        // how bad it is said to be: "unsafe"
  std::string admitted_by;  // the class of unsafe content that admits it; empty: only allow_malicious does
};

using Objections = std::map<std::string, Objection, std::less<>>;  // by path

struct SelectedEntry {
  Entry entry;
  bool selected = false;
  std::string reason = {};  // why it is left out: a short stable phrase; empty when selected

  friend bool operator==(const SelectedEntry&, const SelectedEntry&) = default;
};

// Every entry of a tree, in its order, each selected or left out.
struct Selection {
  std::vector<SelectedEntry> entries;
};

// Which entries of `tree` a pull takes, and why not the others. Pure.
//
// A lock: exactly its files. Nothing named (model repos): every file that is not a weight, and of the weights
// one format: safetensors when there is one, else GGUF (one variant with all its parts and one projector),
// else what is there. Weights are compared folder by folder, so that each component of a pipeline (unet/,
// vae/, …) is judged by itself; of several precisions of one file the plain one is taken. State of training
// runs is left out. A format or a quantization: the same with that choice made. "all" takes every format and
// variant. Datasets and spaces: everything. Paths or include globs: exactly those; format and default choice
// do not apply. What `exclude` matches is not there for any of these rules. In every case a file that is a
// pickle by name is left out unless "pickle" is allowed, and one that is a program by name unless "code" is;
// a space is code by nature.
//
// What the hub's own scanners object to is not taken. Where the choice is free, other weights of the same
// component take its place when there are such; else the pull is refused.
//
//   kInvalidArgument (INVALID_ARGUMENT)  an unknown format or class; a quantization that the repo does not
//   have, or together
//                                        with another format, with paths or globs, or with a dataset or
//                                        space.
//   kInvalidArgument (CHOICE_NEEDED)     several GGUF variants and none chosen, or several of the one label;
//   the message lists
//                                        them with their sizes.
//   kNotFound (ENTRY_NOT_FOUND)          a path that the tree does not have (the hint names similar ones); a
//   GGUF variant of
//                                        which parts are missing.
//   kNotFound (NOTHING_SELECTED)         globs or format leave no file.
//   kDataLoss (LOCK_MISMATCH)            the tree lacks a locked file, or has it with another content.
//   kFailedPrecondition (UNSAFE_CONTENT) the weights exist only as pickles, or a path names one or a program,
//                                        or there are objections; the message names the files, the hint the
//                                        ways out.
absl::StatusOr<Selection> PlanSelection(const Tree& tree, const SelectionRequest& request,
                                        const Objections& objections = {});

}  // namespace batuta::pull
