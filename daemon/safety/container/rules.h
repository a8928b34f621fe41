#pragma once

#include "daemon/safety/base/rule.h"

// What makes an archive or a compressed file one that is not understood to its last byte, or one that must
// not be unpacked. Where two readers could see different members it is invalid, whatever the members are.
namespace batuta::safety::rules {

// --- zip ---
inline constexpr Rule kZipCut{"zip-cut", Grade::kInvalid, "a zip ends before its directory does"};
inline constexpr Rule kZipEnd{"zip-end", Grade::kInvalid,
                              "the end record of a zip is not at the very end, or not the only one"};
inline constexpr Rule kZipCounts{"zip-counts", Grade::kInvalid,
                                 "the records at the end of a zip contradict each other or its directory"};
inline constexpr Rule kZipUnreadable{
    "zip-unreadable", Grade::kUnknown,
    "a zip whose directory cannot be read, so that its members are not known"};
inline constexpr Rule kZipComment{"zip-comment", Grade::kInvalid,
                                  "a comment in a zip that could be read as another record"};
inline constexpr Rule kZipGap{"zip-gap", Grade::kInvalid, "bytes in a zip that belong to no member"};
inline constexpr Rule kZipOverlap{"zip-overlap", Grade::kBomb, "members of a zip share bytes"};
inline constexpr Rule kZipHeader{"zip-header", Grade::kInvalid,
                                 "a member's own header says something else than the directory"};
inline constexpr Rule kZipDescriptor{"zip-descriptor", Grade::kInvalid,
                                     "the record behind a member says something else than the directory"};
inline constexpr Rule kZipFlags{"zip-flags", Grade::kInvalid,
                                "a member is marked as encrypted, patched or otherwise special"};
inline constexpr Rule kZipMethod{"zip-method", Grade::kUnknown, "a compression that loaders do not share"};
inline constexpr Rule kZipStored{"zip-stored", Grade::kInvalid, "an uncompressed member of two sizes"};
inline constexpr Rule kZipExtra{"zip-extra", Grade::kInvalid,
                                "a member carries a field that readers may take for another name or size"};
inline constexpr Rule kZipDigest{"zip-digest", Grade::kInvalid,
                                 "the content of a member is not what its checksum says"};
inline constexpr Rule kZipDeflate{"zip-deflate", Grade::kInvalid, "a member does not decompress to its size"};
inline constexpr Rule kZipCount{"zip-too-many", Grade::kBomb, "more members than any model has"};

// --- tar ---
inline constexpr Rule kTarHeader{"tar-header", Grade::kInvalid, "a header of a tar breaks its rules"};
inline constexpr Rule kTarCut{"tar-cut", Grade::kInvalid, "a tar ends before its end mark"};
inline constexpr Rule kTarTrailing{"tar-trailing", Grade::kInvalid,
                                   "bytes in a tar that belong to no member"};
inline constexpr Rule kTarExtension{"tar-extension", Grade::kInvalid,
                                    "a tar uses an extension that readers understand differently"};
inline constexpr Rule kTarUnreadable{
    "tar-unreadable", Grade::kUnknown,
    "a tar that cannot be read to its end, so that not all members are known"};
inline constexpr Rule kTarCount{"tar-too-many", Grade::kBomb, "more members than any model has"};

// --- members of both ---
inline constexpr Rule kMemberEscapes{"member-escapes", Grade::kMalicious,
                                     "unpacking writes outside of the folder it is meant for"};
inline constexpr Rule kMemberLink{"member-link", Grade::kMalicious,
                                  "unpacking makes a link, a device or a privileged file"};
inline constexpr Rule kMemberName{"member-name", Grade::kInvalid,
                                  "a member's name cannot be the same file name everywhere"};
inline constexpr Rule kMemberTwice{"member-twice", Grade::kInvalid,
                                   "two members of one name: which one counts depends on the reader"};
inline constexpr Rule kMemberFolder{"member-folder", Grade::kInvalid,
                                    "a folder that has content, or is a file for some readers"};

// --- compression ---
inline constexpr Rule kCompressedBroken{"compressed-broken", Grade::kInvalid,
                                        "compressed data is damaged, or its checksum is wrong"};
inline constexpr Rule kCompressedCut{"compressed-cut", Grade::kInvalid, "compressed data ends too early"};
inline constexpr Rule kCompressedTrailing{"compressed-trailing", Grade::kInvalid,
                                          "something follows the compressed data"};
inline constexpr Rule kCompressedMemory{"compressed-memory", Grade::kUnknown,
                                        "decompressing takes more memory than an inspection may"};

// --- others ---
inline constexpr Rule kForeignArchive{"archive-unsupported", Grade::kUnknown,
                                      "an archive that loaders of models do not share, not looked into"};

}  // namespace batuta::safety::rules
