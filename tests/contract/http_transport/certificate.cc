#include "tests/contract/http_transport/certificate.h"

#include <cstdio>
#include <cstdlib>
#include <memory>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace batuta {
namespace {

template <auto Free>
struct Freed {
  template <typename Handle>
  void operator()(Handle* handle) const {
    Free(handle);
  }
};

using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using File = std::unique_ptr<std::FILE, Freed<std::fclose>>;

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "certificate: %s failed\n", what);
  std::abort();
}

void Extend(X509* certificate, int extension_id, const char* value) {
  const Extension extension(X509V3_EXT_conf_nid(nullptr, nullptr, extension_id, value));
  Require(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, value);
}

}  // namespace

void WriteSelfSignedCertificate(const std::filesystem::path& certificate_file,
                                const std::filesystem::path& key_file) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  Require(key && certificate, "new");
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* const name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("loopback"), -1,
                             -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  Extend(certificate.get(), NID_subject_alt_name, "IP:127.0.0.1");
  Extend(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  Require(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0, "sign");

  const File certificate_out(std::fopen(certificate_file.c_str(), "we"));
  const File key_out(std::fopen(key_file.c_str(), "we"));
  Require(certificate_out && key_out, "open");
  Require(PEM_write_X509(certificate_out.get(), certificate.get()) == 1, "write the certificate");
  Require(PEM_write_PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "write the key");
}

}  // namespace batuta
