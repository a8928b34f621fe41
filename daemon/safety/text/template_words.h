#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>

// The words of Jinja that chat templates may use, and those that lead out of it.
namespace batuta::safety::words {

template <size_t kCount>
struct Words {
  std::string_view words[kCount];

  constexpr bool contains(std::string_view word) const {
    return std::find(std::begin(words), std::end(words), word) != std::end(words);
  }
};

template <typename... Word>
Words(Word...) -> Words<sizeof...(Word)>;

// --- known ---

inline constexpr Words kKeywords = {"and",  "or",   "not",   "in",    "is",   "if",   "else",
                                    "true", "True", "false", "False", "none", "None", "recursive"};

// Tags that have an end of their own; `set` has one when it sets nothing by itself.
inline constexpr Words kBlocks = {"for", "if", "macro", "call", "filter", "generation", "with", "block"};

inline constexpr Words kBranches = {"elif", "else"};

inline constexpr Words kTags = {"for",        "if",   "macro", "call", "filter",   "set",
                                "generation", "with", "block", "do",   "continue", "break"};

inline constexpr Words kFunctions = {"range",  "dict",   "namespace",       "joiner",
                                     "cycler", "lipsum", "raise_exception", "strftime_now",
                                     "caller", "loop"};

inline constexpr Words kFilters = {
    "abs",    "attr",       "batch",       "capitalize", "center",   "count",
    "d",      "default",    "dictsort",    "e",          "escape",   "filesizeformat",
    "first",  "float",      "forceescape", "format",     "groupby",  "indent",
    "int",    "items",      "join",        "last",       "length",   "list",
    "lower",  "map",        "max",         "min",        "pprint",   "random",
    "reject", "rejectattr", "replace",     "reverse",    "round",    "safe",
    "select", "selectattr", "slice",       "sort",       "string",   "striptags",
    "sum",    "title",      "tojson",      "trim",       "truncate", "unique",
    "upper",  "urlencode",  "urlize",      "wordcount",  "wordwrap", "xmlattr"};

inline constexpr Words kTests = {
    "odd",      "even",     "divisibleby", "defined", "undefined",   "filter", "test",   "none",    "boolean",
    "false",    "true",     "integer",     "float",   "lower",       "upper",  "string", "mapping", "number",
    "sequence", "iterable", "callable",    "sameas",  "escaped",     "in",     "==",     "eq",      "equalto",
    "!=",       "ne",       ">",           "gt",      "greaterthan", ">=",     "ge",     "<",       "lt",
    "lessthan", "<=",       "le",          "None",    "True",        "False"};

// Filters that take the name of an attribute, or of a filter or test.
inline constexpr Words kReachingFilters = {"attr",       "map",     "select", "reject", "selectattr",
                                           "rejectattr", "groupby", "sort",   "sum",    "unique",
                                           "min",        "max",     "join"};

// --- what leads out, or is used to get there ---

inline constexpr Words kLoadingTags = {"import", "from", "include", "extends"};

inline constexpr Words kExits = {"cycler",     "joiner", "lipsum",  "self",
                                 "request",    "config", "url_for", "get_flashed_messages",
                                 "environment"};

inline constexpr Words kInternals = {
    "mro",       "func_globals", "func_code", "func_closure", "func_dict",    "func_defaults", "im_class",
    "im_func",   "im_self",      "gi_frame",  "gi_code",      "gi_yieldfrom", "cr_frame",      "cr_code",
    "cr_await",  "cr_origin",    "ag_code",   "ag_frame",     "ag_await",     "tb_frame",      "tb_next",
    "f_globals", "f_builtins",   "f_locals",  "f_back",       "f_code",       "co_code",       "co_consts"};

// Parts of strings that mean nothing but an attempt, wherever they stand. In lower case.
inline constexpr Words kDunders = {
    "__class__",        "__globals__", "__builtins__", "__import__", "__init__",      "__subclasses__",
    "__mro__",          "__base__",    "__bases__",    "__dict__",   "__call__",      "__code__",
    "__self__",         "__func__",    "__module__",   "__loader__", "__spec__",      "__closure__",
    "__getattribute__", "__getattr__", "__getitem__",  "__reduce__", "__reduce_ex__", "__wrapped__",
    "__main__",         "__name__",    "__doc__",      "__new__"};

// Filters and methods that put text together or take it apart.
inline constexpr Words kBuilders = {"join",      "format",       "format_map",   "replace",  "reverse",
                                    "truncate",  "wordwrap",     "indent",       "center",   "ljust",
                                    "rjust",     "zfill",        "urlencode",    "encode",   "decode",
                                    "translate", "removeprefix", "removesuffix", "swapcase", "expandtabs",
                                    "striptags", "urlize",       "xmlattr",      "pprint"};

// Filters that make a number of text.
inline constexpr Words kCounters = {"length", "count", "int"};

}  // namespace batuta::safety::words
