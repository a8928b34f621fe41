#include "daemon/safety/text/text.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/text/text_names.h"

namespace batuta::safety {
namespace {

using std::string_view_literals::operator""sv;

Verdict Look(std::string_view name, std::string_view text) {
  MemorySource bytes(text);
  Report report;
  Subject subject(name, bytes, report, [](Subject&) { return absl::OkStatus(); });
  const std::string name_class = TextNameClass(name);
  EXPECT_NE(name_class, "") << name;
  EXPECT_TRUE(InspectText(subject, TextKindOf(name_class)).ok());
  return std::move(report).Take();
}

std::string Codes(std::string_view name, std::string_view text) {
  std::string out;
  for (const Finding& finding : Look(name, text).findings) {
    if (out.find(finding.code) == std::string::npos) out += (out.empty() ? "" : " ") + finding.code;
  }
  return out;
}

struct Case {
  std::string_view name;
  std::string_view text;
  std::string_view codes;
};

void Expect(std::initializer_list<Case> cases) {
  for (const Case& c : cases) EXPECT_EQ(Codes(c.name, c.text), c.codes) << c.name << ": " << c.text;
}

TEST(Text, IsUtf8WithoutNul) {
  Expect({
      {"a.md", "plain, é, 漢, 😀\n", ""},
      {"a.md", "", ""},
      {"a.csv", "a\0b"sv, "text-not-utf8"},
      {"a.csv", "caf\xE9\n", ""},
      {"a.csv", "caf\xE9\x03\n", "text-not-utf8"},
      {"a.jsonl", "caf\xE9\n", "text-not-utf8"},
      {"a.yaml", "caf\xE9\n", "text-not-utf8"},
  });
  // Characters across the reader's buffer, at every place.
  for (size_t before = 0; before < 8; ++before) {
    std::string text(ByteReader::kBufferBytes - before, 'x');
    text += "é漢😀é漢😀";
    EXPECT_EQ(Codes("a.txt", text), "") << before;
    EXPECT_EQ(Codes("a.jsonl", text + "\xF0\x9F"), "text-not-utf8") << before;
  }
}

TEST(Text, LooksLikeItAlsoWhereACharacterIsCut) {
  EXPECT_TRUE(LooksLikeText("abc \xE6\xBC", false));
  EXPECT_FALSE(LooksLikeText("abc \xE6\xBC", true));
  EXPECT_FALSE(LooksLikeText("abc \xFF", false));
  EXPECT_FALSE(LooksLikeText("abc \x80", false));
  EXPECT_FALSE(LooksLikeText("a\0b"sv, false));
  EXPECT_TRUE(LooksLikeText("", true));
}

TEST(Text, TakesOrdinaryConfigurations) {
  Expect({
      {"config.json",
       R"({"architectures": ["LlamaForCausalLM"], "rope_theta": 1e4, "time_step_limit": [0.0, Infinity],
         "attn_implementation": "flash_attention_2", "_attn_implementation": "paged|sdpa", "auto_map": {}, "target": "x.y"})",
       ""},
      {"tokenizer_config.json",
       R"({"chat_template": "{{ messages[0]['role'] }}", "extra": {"a": [null, true, 1]}})", ""},
      {"tokenizer_config.json", R"({"chat_template": [{"name": "default", "template": "{{ x }}"}]})", ""},
      {"tokenizer.json", R"({"model": {"vocab": {"__class__": 0, "os.system": 1, "auto_map": 2}}})", ""},
      {"vocab.json", R"({"auto_map": 1, "_target_": 2})", ""},
      {"data.json", "{\"a\": 1}\n{\"a\": 2}\n", ""},
      {"modules.json",
       R"([{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}])", ""},
      {"model_index.json",
       R"({"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.6.0", "requires_safety_checker": true,
         "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"], "unet": ["diffusers", "UNet2DConditionModel"],
         "tokenizer": ["transformers", "CLIPTokenizer"], "image_encoder": [null, null], "size": [1, 2]})",
       ""},
      {"model.safetensors.index.json",
       R"({"metadata": {"total_size": 1}, "weight_map": {"a": "model-1.safetensors", "b": "x/y.safetensors"}})",
       ""},
      {"pytorch_model.bin.index.json", R"({"weight_map": {"a": "m-1.bin", "b": "m-2.bin"}})", ""},
      {"adapter_config.json",
       R"({"base_model_name_or_path": "org/model", "auto_mapping": {"parent_library": "transformers.models.x"}})",
       ""},
      {"conf.yaml",
       "a: &x {b: [1, 2.5, yes, ~]}\nc: *x\nd: !!str 5\n_target_: torch.nn.Linear\n---\nnext: 1\n", ""},
      {"conf.yaml", "model:\n  _target_: nemo.collections.asr.modules.ConvASREncoder\n  target: x.y\n", ""},
      {"a.jinja", "{% for m in messages %}{{ m.content }}{% endfor %}", ""},
      {"a.svg", "<svg xmlns='http://www.w3.org/2000/svg'><path d='M0' one='1'/><!-- only = x --></svg>", ""},
      {"a.tiktoken", "IQ== 0\nIg== 1\r\nIw== 2", ""},
  });
}

TEST(Text, RefusesConfigurationsThatImportCode) {
  Expect({
      {"config.json", R"({"text_config": {"\u0061uto_map": {"AutoModel": ["modeling_x.A", null]}}})",
       "config-auto-map"},
      {"tokenizer_config.json", R"({"auto_map": {"AutoTokenizer": "other/repo--tok.T"}})",
       "config-remote-module"},
      {"config.json", R"({"_attn_implementation_internal": "x"})", "config-kernel"},
      {"config.json", R"({"attn_implementation": "someone/kernel"})", "config-kernel"},
      {"config.json", R"({"attn_implementation": {"vision_config": "a/b:f"}})", "config-kernel"},
      {"config.json", R"({"custom_pipelines": {"x": {"impl": "pipeline.X"}}})", "config-custom-code"},
      {"adapter_config.json", R"({"auto_mapping": {"parent_library": "transformers_modules.x.y"}})",
       "config-remote-module"},
      {"modules.json", R"([{"type": "custom.Module"}])", "config-foreign-class"},
      {"model_index.json", R"({"unet": ["my_module", "UNet"]})", "config-foreign-class"},
      {"model_index.json", R"({"_class_name": ["pipeline", "X"]})", "config-custom-code"},
      {"model.safetensors.index.json", R"({"weight_map": {"a": "pytorch_model.bin"}})", "index-format"},
      {"model.safetensors.index.json", R"({"weight_map": {"a": "../../x.safetensors"}})", "index-path"},
      {"pytorch_model.bin.index.json", R"({"weight_map": {"a": "/x.bin"}})", "index-path"},
      {"pytorch_model.bin.index.json", R"({"weight_map": {"a": "x.bin", "b": "x.pkl"}})", "index-format"},
      {"hydra.json", R"({"a": [{"_target_": "os.system"}]})", "config-target"},
      {"hydra.json", R"({"init_args": {}, "class_path": "subprocess.Popen"})", "config-target"},
      {"ldm.yaml", "model:\n  target: foo.bar.Baz\n  params: {}\n", "config-target"},
      {"a.yaml", "_target_: torch.nn.functional.relu\n", "config-target"},
      {"a.yaml", "_target_: nemo.core.os.System\n", "config-target"},
      {"a.yaml", "x: &t os.system\n_target_: *t\n", "config-target"},
      {"a.yaml", "? &k _target_\n: 1.0\nb:\n  *k : os.system\n", "config-target"},
      {"a.yaml", "x: !!python/object/apply:os.system ['id']", "yaml-tag"},
      {"a.yaml", "%TAG ! tag:yaml.org,2002:python/\n---\nx: !object:a.B {}", "yaml-tag"},
      {"a.yaml", "x: !function utils.f", "yaml-tag"},
      {"a.yaml", "? !x {a: b}\n: c", "yaml-tag"},
      {"tokenizer_config.json", R"({"chat_template": "{{ x.__class__ }}"})", "template-private"},
      {"tokenizer_config.json", R"({"chat_template": {"a": "{{ x.__class__ }}"}})", "template-private"},
      {"processor_config.json", R"({"p": {"chat_template": [{"name": "a", "template": "{{ x._y }}"}]}})",
       "template-private"},
  });
}

TEST(Text, RefusesWhatIsBroken) {
  Expect({
      {"config.json", "{", "json-broken"},
      {"config.json", R"({"a": 1, "a": 2})", "json-duplicate-key"},
      {"tokenizer.json", R"({"a": {"b": 1, "\u0062": 2}})", "json-duplicate-key"},
      {"config.json", "{'a': 1}", "json-broken"},
      {"a.yaml", "a: [1, 2", "yaml-broken"},
      {"a.yaml", "]", "yaml-broken"},
      {"a.yaml", "a: 1\n---\n}", "yaml-broken"},
      {"a.tiktoken", "IQ== 0\nIg==\n", "text-tiktoken"},
      {"a.tiktoken", "IQ== x\n", "text-tiktoken"},
      {"a.tiktoken", "import os\n", "text-tiktoken"},
      {"a.jinja", "{{ x", "template-broken"},
      {"a.jinja", "{{ '\xFF' }}", "template-broken"},
  });
  EXPECT_EQ(Codes("a.json", std::string(100, '[')), "too-complex");
  EXPECT_EQ(Codes("a.yaml", std::string(100, '[')), "too-complex");
}

TEST(Text, RefusesScripts) {
  Expect({
      {"a.py", "x = 1", "script-source"},
      {"Makefile.cmake", "x", "script-source"},
      {"a.ipynb", R"({"cells": [], "nbformat": 4})", "script-notebook"},
      {"a.html", "<p>x</p><SCRIPT src=x></SCRIPT>", "script-markup"},
      {"a.svg", "<svg onload=\"x()\">", "script-markup"},
      {"a.svg", "<svg\nonload\n=x>", "script-markup"},
      {"a.svg", "<a href='JavaScript:x()'>", "script-markup"},
      {"a.xml", "<!DOCTYPE a [<!ENTITY b 'c'>]>", "script-markup"},
  });
  EXPECT_EQ(Codes("a.html", std::string(ByteReader::kBufferBytes - 3, ' ') + "<script>"), "script-markup");
}

TEST(Text, NotesWhatIsWorthTelling) {
  EXPECT_EQ(Look("config.json", R"({"trust_remote_code": true})").notes.size(), 1U);
  EXPECT_EQ(Look("adapter_config.json", R"({"base_model_name_or_path": "/home/x/model"})").notes.size(), 1U);
}

TEST(Text, SaysWhichFileIsAskedFor) {
  EXPECT_EQ(Look("config.json", R"({"auto_map": {"AutoModel": "org/repo--modeling_x.X"}})").findings[0].text,
            "asks for \"modeling_x.py\" of the repo \"org/repo\" through auto_map");
}

}  // namespace
}  // namespace batuta::safety
