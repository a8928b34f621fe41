#pragma once

#include "daemon/safety/base/rule.h"

// Rules for text: templates, configuration, scripts.
namespace batuta::safety::rules {

inline constexpr Rule kTemplatePrivate{"template-private", Grade::kCode,
                                       "a chat template reaches a name that begins with an underscore"};
inline constexpr Rule kTemplateInternal{"template-internal", Grade::kCode,
                                        "a chat template reaches into Python's functions or frames"};
inline constexpr Rule kTemplateEscape{
    "template-escape", Grade::kCode,
    "a chat template uses an object that leads out of the template language"};
inline constexpr Rule kTemplateImport{"template-import", Grade::kCode,
                                      "a chat template loads other templates"};
inline constexpr Rule kTemplateFormat{"template-format", Grade::kCode,
                                      "a chat template reaches attributes by a format string"};
inline constexpr Rule kTemplateComputed{"template-computed", Grade::kCode,
                                        "a chat template computes the name of what it reaches"};
inline constexpr Rule kTemplateUnlisted{
    "template-unlisted", Grade::kCode,
    "a chat template needs a filter, test, function or tag that is not known"};
inline constexpr Rule kTemplateBomb{"template-bomb", Grade::kBomb,
                                    "a chat template runs or grows without bound"};

// What could not be read of a program may do anything: nobody admits it as mere data.
inline constexpr Rule kTemplateBroken{"template-broken", Grade::kCode, "a chat template is no valid Jinja"};
inline constexpr Rule kTemplateTooLarge{"template-too-large", Grade::kCode,
                                        "a chat template is larger than 1 MiB"};
inline constexpr Rule kTemplateTooComplex{"template-too-complex", Grade::kCode,
                                          "a chat template is too much to be verified within the limits"};

inline constexpr Rule kNotText{"text-not-utf8", Grade::kUnknown, "a text with bytes that are no UTF-8 text"};
inline constexpr Rule kSourceCode{"script-source", Grade::kCode, "source code"};
inline constexpr Rule kNotebook{"script-notebook", Grade::kCode, "a notebook: its cells are code"};
inline constexpr Rule kMarkupScript{"script-markup", Grade::kCode, "a page or picture with a script in it"};
inline constexpr Rule kLfsPointer{"text-lfs-pointer", Grade::kInvalid,
                                  "what git-lfs leaves in place of a file that was not fetched"};
inline constexpr Rule kHtmlPage{"text-html-page", Grade::kInvalid, "a web page in place of the file"};
inline constexpr Rule kTiktoken{"text-tiktoken", Grade::kInvalid, "no list of base64 words and their ranks"};

inline constexpr Rule kJsonBroken{"json-broken", Grade::kInvalid, "no strict JSON"};
inline constexpr Rule kJsonDuplicateKey{
    "json-duplicate-key", Grade::kInvalid,
    "a key that stands twice in one object: readers disagree on which counts"};
inline constexpr Rule kYamlBroken{"yaml-broken", Grade::kInvalid, "no YAML"};
inline constexpr Rule kYamlTag{"yaml-tag", Grade::kCode, "a YAML tag that makes objects or calls functions"};

inline constexpr Rule kAutoMap{"config-auto-map", Grade::kCode,
                               "Python files of the repo are imported (auto_map)"};
inline constexpr Rule kCustomCode{"config-custom-code", Grade::kCode,
                                  "code that comes with the repo is asked for"};
inline constexpr Rule kKernel{"config-kernel", Grade::kCode, "a kernel is fetched from the hub and imported"};
inline constexpr Rule kRemoteModule{"config-remote-module", Grade::kCode,
                                    "a module of another repo is imported"};
inline constexpr Rule kForeignClass{"config-foreign-class", Grade::kCode,
                                    "a class outside of the known libraries is imported by its name"};
inline constexpr Rule kTarget{"config-target", Grade::kCode,
                              "a function or class is called by its name (_target_, class_path)"};
inline constexpr Rule kShardPath{"index-path", Grade::kCode, "an index names a file outside of the repo"};
inline constexpr Rule kShardFormat{"index-format", Grade::kCode,
                                   "an index of safetensors names files of another format"};

}  // namespace batuta::safety::rules
