#pragma once

#include <memory>

#include <curl/curl.h>

// Owners of what libcurl hands out.
namespace batuta::transport {

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};

struct MultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

struct HeaderListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

using EasyHandle = std::unique_ptr<CURL, EasyDeleter>;
using MultiHandle = std::unique_ptr<CURLM, MultiDeleter>;
using HeaderList = std::unique_ptr<curl_slist, HeaderListDeleter>;

// libcurl is set up while one of these lives; it counts them itself.
class CurlLibrary {
 public:
  CurlLibrary() : code_(curl_global_init(CURL_GLOBAL_DEFAULT)) {}

  ~CurlLibrary() {
    if (code_ == CURLE_OK) curl_global_cleanup();
  }

  CurlLibrary(const CurlLibrary&) = delete;
  CurlLibrary& operator=(const CurlLibrary&) = delete;

  bool ok() const { return code_ == CURLE_OK; }

 private:
  const CURLcode code_;
};

}  // namespace batuta::transport
