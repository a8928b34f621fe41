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
inline constexpr Rule kTemplateBroken{"template-broken", Grade::kInvalid,
                                      "a chat template is no valid Jinja"};
inline constexpr Rule kTemplateTooLarge{"template-too-large", Grade::kInvalid,
                                        "a chat template is larger than 1 MiB"};

}  // namespace batuta::safety::rules
