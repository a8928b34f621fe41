#pragma once

#include <filesystem>

namespace batuta {

// Writes a fresh self-signed certificate for 127.0.0.1, valid for an hour, and its key, as PEM.
void WriteSelfSignedCertificate(const std::filesystem::path& certificate_file,
                                const std::filesystem::path& key_file);

}  // namespace batuta
