#include "daemon/safety/pickle/danger.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "daemon/safety/pickle/words.h"

namespace batuta::safety::pickle {
namespace {

// Only for what is told and how severe it is: what is not listed as known is refused all the same.
struct Danger {
  std::string_view modules;  // separated by spaces; one that ends with `.*` holds with all below it
  std::string_view names;    // likewise separated; `*` is every name
  std::string_view effect;
};

constexpr std::string_view kCommand = "runs a command";
constexpr std::string_view kEvaluates = "runs Python given as text";
constexpr std::string_view kMakesCode = "builds code to be run";
constexpr std::string_view kResolves = "reaches any function of any module";
constexpr std::string_view kLoads = "loads another pickle or native code";
constexpr std::string_view kInstalls = "installs packages";
constexpr std::string_view kFiles = "reads, writes or deletes files";
constexpr std::string_view kNetwork = "talks to the network";
constexpr std::string_view kLater = "runs something later";
constexpr std::string_view kDisarms = "works on a scanner of pickles";

constexpr Danger kDangers[] = {
    {"os.* posix nt subprocess commands popen2 pty _posixsubprocess webbrowser _pyrepl.* "
     "test.support.script_helper distutils.spawn",
     "*", kCommand},
    {"multiprocessing.util", "spawnv_passfds _exit_function", kCommand},
    {"multiprocessing.process multiprocessing.context multiprocessing", "Process Pool", kCommand},
    {"asyncio.*", "*", kCommand},
    {"platform", "popen _syscmd_ver", kCommand},
    {"uuid", "_get_command_stdout", kCommand},
    {"_osx_support", "_read_output _find_build_tool", kCommand},
    {"_aix_support", "_read_cmd_output", kCommand},
    {"imaplib", "IMAP4_stream", kCommand},
    {"pydoc", "pipepager tempfilepager", kCommand},
    {"torch.utils.collect_env", "*", kCommand},
    {"numpy.distutils.exec_command", "*", kCommand},
    {"builtins __builtin__", "eval exec compile execfile", kEvaluates},
    {"code codeop runpy timeit cProfile profile pdb bdb trace idlelib.* lib2to3.* numpy.f2py.* "
     "_xxsubinterpreters _interpreters torch.utils.bottleneck.* torch.fx.* IPython.*",
     "*", kEvaluates},
    {"doctest", "debug_script debug testsource", kEvaluates},
    {"numpy.testing._private.utils numpy.testing.utils numpy.testing", "runstring rundocs", kEvaluates},
    {"torch.jit.unsupported_tensor_ops", "execWrapper", kEvaluates},
    {"torch._dynamo.guards", "GuardBuilder GuardBuilder.get", kEvaluates},
    {"torch.jit.annotations", "parse_type_line", kEvaluates},
    {"pandas pandas.core.computation.eval", "eval", kEvaluates},
    {"sympy sympy.core.sympify", "sympify", kEvaluates},
    {"types", "CodeType FunctionType LambdaType MethodType", kMakesCode},
    {"marshal cloudpickle.* dill.* new", "*", kMakesCode},
    {"builtins __builtin__",
     "__import__ getattr setattr delattr map filter super vars globals locals apply reload input breakpoint",
     kResolves},
    {"importlib.* imp zipimport inspect gc sys _operator operator unittest.mock functools _functools "
     "transformers.dynamic_module_utils",
     "*", kResolves},
    {"pkgutil", "resolve_name", kResolves},
    {"pydoc", "locate safeimport resolve", kResolves},
    {"site", "addsitedir addpackage main", kResolves},
    {"copyreg copy_reg", "add_extension pickle", kResolves},
    {"hydra.utils hydra._internal.instantiate._instantiate2", "instantiate call get_method get_object",
     kResolves},
    {"pickle _pickle cPickle shelve joblib.memory ctypes.* _ctypes cffi.* jsonpickle.* torch.jit.* torch.hub "
     "torch.package.* torch.utils.cpp_extension torch._inductor.* torch.utils.data.datapipes.utils.decoder",
     "*", kLoads},
    {"joblib joblib.numpy_pickle", "load load_temporary_memmap", kLoads},
    {"pandas pandas.io.pickle", "read_pickle", kLoads},
    {"numpy numpy.lib.npyio numpy.lib._npyio_impl", "load", kLoads},
    {"numpy.ctypeslib", "load_library", kLoads},
    {"torch torch.serialization", "load", kLoads},
    {"torch.storage", "_load_from_bytes", kLoads},
    {"torch.ops torch._ops", "load_library", kLoads},
    {"torch.utils._config_module", "ConfigModule load_config ConfigModule.load_config", kLoads},
    {"tensorflow tensorflow.python.framework.load_library", "load_op_library load_library", kLoads},
    {"yaml", "unsafe_load unsafe_load_all full_load load", kLoads},
    {"pip.* ensurepip.* venv.* setuptools.* distutils.*", "*", kInstalls},
    {"builtins __builtin__", "open file", kFiles},
    {"io _io", "open open_code FileIO OpenWrapper", kFiles},
    // A path by itself, which many checkpoints hold, does nothing.
    {"pathlib", "Path", kFiles},
    {"pathlib.Path pathlib.PosixPath pathlib.WindowsPath", "*", kFiles},
    {"logging", "FileHandler basicConfig", kFiles},
    {"shutil tempfile glob fileinput linecache logging.config logging.handlers sqlite3.* zipfile.* tarfile "
     "mmap "
     "scipy.io.*",
     "*", kFiles},
    {"numpy numpy.core.records numpy.lib.npyio numpy.core.memmap",
     "fromfile memmap fromregex save savez loadtxt savetxt genfromtxt", kFiles},
    {"socket _socket ssl _ssl http.* httplib urllib.* urllib2 requests.* aiohttp.* smtplib ftplib poplib "
     "imaplib "
     "telnetlib xmlrpc.* xmlrpclib socketserver torch.distributed.rpc.*",
     "*", kNetwork},
    {"huggingface_hub huggingface_hub.file_download huggingface_hub._snapshot_download datasets "
     "datasets.load",
     "hf_hub_download hf_hub_url snapshot_download cached_download http_get load_dataset", kNetwork},
    {"keras.utils keras.src.utils.file_utils tensorflow.keras.utils", "get_file", kNetwork},
    {"atexit signal _signal sched antigravity", "*", kLater},
    {"threading", "Timer Thread", kLater},
    {"_thread thread", "*", kLater},
    {"weakref", "finalize", kLater},
    {"picklescan.* fickling.* modelscan.*", "*", kDisarms},
};

struct Entry {
  std::string_view names;
  std::string_view effect;
  bool holds_below = false;  // also in the modules below
};

using Table = absl::flat_hash_map<std::string_view, std::vector<Entry>>;

Table MakeTable() {
  Table table;
  for (const Danger& danger : kDangers) {
    for (std::string_view module : Words(danger.modules)) {
      const bool holds_below = module.ends_with(".*");
      if (holds_below) module.remove_suffix(2);
      table[module].push_back({.names = danger.names, .effect = danger.effect, .holds_below = holds_below});
    }
  }
  return table;
}

bool HasWord(std::string_view words, std::string_view word) {
  for (size_t at = words.find(word); at != std::string_view::npos; at = words.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || words[at - 1] == ' ') && (end == words.size() || words[end] == ' ')) return true;
  }
  return false;
}

std::string_view DangerOf(std::string_view module, std::string_view name) {
  static const auto& table = *new Table(MakeTable());
  std::string_view above = module;
  while (true) {
    if (const auto found = table.find(above); found != table.end()) {
      for (const Entry& entry : found->second) {
        const bool holds = entry.holds_below || above.size() == module.size();
        if (holds && (entry.names == "*" || HasWord(entry.names, name))) return entry.effect;
      }
    }
    const size_t dot = above.rfind('.');
    if (dot == std::string_view::npos) return {};
    above = above.substr(0, dot);
  }
}

struct Rename {
  std::string_view module;
  std::string_view name;  // empty: every one, which keeps its name
  std::string_view to_module;
  std::string_view to_name;
};

constexpr Rename kRenames[] = {
    {"__builtin__", "reduce", "functools", "reduce"},
    {"__builtin__", "unicode", "builtins", "str"},
    {"__builtin__", "unichr", "builtins", "chr"},
    {"__builtin__", "long", "builtins", "int"},
    {"__builtin__", "xrange", "builtins", "range"},
    {"__builtin__", "intern", "sys", "intern"},
    {"__builtin__", "raw_input", "builtins", "input"},
    {"itertools", "imap", "builtins", "map"},
    {"itertools", "izip", "builtins", "zip"},
    {"itertools", "ifilter", "builtins", "filter"},
    {"itertools", "ifilterfalse", "itertools", "filterfalse"},
    {"itertools", "izip_longest", "itertools", "zip_longest"},
    {"UserDict", "IterableUserDict", "collections", "UserDict"},
    {"UserDict", "UserDict", "collections", "UserDict"},
    {"UserList", "UserList", "collections", "UserList"},
    {"UserString", "UserString", "collections", "UserString"},
    {"urllib", "urlopen", "urllib.request", "urlopen"},
    {"urllib", "urlretrieve", "urllib.request", "urlretrieve"},
    {"urllib", "URLopener", "urllib.request", "URLopener"},
    {"urllib", "FancyURLopener", "urllib.request", "FancyURLopener"},
    {"__builtin__", "", "builtins", ""},
    {"copy_reg", "", "copyreg", ""},
    {"commands", "", "subprocess", ""},
    {"cPickle", "", "pickle", ""},
    {"urllib2", "", "urllib.request", ""},
    {"httplib", "", "http.client", ""},
    {"xmlrpclib", "", "xmlrpc.client", ""},
    {"SocketServer", "", "socketserver", ""},
    {"thread", "", "_thread", ""},
    {"Queue", "", "queue", ""},
    {"UserDict", "", "collections", ""},
    {"StringIO", "", "io", ""},
    {"cStringIO", "", "io", ""},
    {"dbm", "", "dbm.ndbm", ""},
    {"test.test_support", "", "test.support", ""},
    {"exceptions", "", "builtins", ""},
};

// A name that leads out of its module, attribute by attribute: ("collections", "_sys.modules.get").
std::string_view DangerOfWay(std::string_view module, std::string_view name) {
  // Each step looks at the whole way so far; nothing that is written by hand goes as far.
  constexpr std::ptrdiff_t kMostSteps = 16;
  if (std::ranges::count(name, '.') > kMostSteps) return kResolves;
  std::string here(module);
  while (!name.empty()) {
    const std::string_view step = name.substr(0, name.find('.'));
    name.remove_prefix(std::min(name.size(), step.size() + 1));
    if (const std::string_view effect = DangerOf(here, step); !effect.empty()) return effect;
    // A module that another one imported, often with an underscore before its name.
    std::string_view inner = step;
    if (inner.starts_with('_') && !inner.starts_with("__")) inner.remove_prefix(1);
    const std::string_view next = name.substr(0, name.find('.'));
    if (step.starts_with("__")) return kResolves;
    if (!next.empty()) {
      if (const std::string_view effect = DangerOf(inner, next); !effect.empty()) return effect;
    }
    here.append(1, '.').append(step);
  }
  return {};
}

}  // namespace

std::string_view FindDanger(std::string_view module, std::string_view name) {
  return name.find('.') == std::string_view::npos ? DangerOf(module, name) : DangerOfWay(module, name);
}

Renamed RenamedForPython3(std::string_view module, std::string_view name) {
  for (const Rename& rename : kRenames) {
    if (rename.module != module || (!rename.name.empty() && rename.name != name)) continue;
    return {.module = rename.to_module, .name = rename.to_name.empty() ? name : rename.to_name};
  }
  return {.module = module, .name = name};
}

}  // namespace batuta::safety::pickle
