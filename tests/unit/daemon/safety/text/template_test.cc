#include "daemon/safety/text/template.h"

#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "daemon/safety/text/template_lexer.h"

namespace batuta::safety {
namespace {

Verdict Look(std::string_view source) {
  MemorySource bytes(source);
  Report report;
  Subject subject("chat_template.jinja", bytes, report, [](Subject&) { return absl::OkStatus(); });
  InspectTemplate(subject, source, 0);
  return std::move(report).Take();
}

// The codes of all findings, each once, in their order.
std::string Codes(std::string_view source) {
  std::string out;
  for (const Finding& finding : Look(source).findings) {
    if (out.find(finding.code) == std::string::npos) out += (out.empty() ? "" : " ") + finding.code;
  }
  return out;
}

TEST(Template, TakesOrdinaryOnes) {
  const std::string_view templates[] = {
      "",
      "no template at all { % } system class import __init__",
      "{# lipsum.__globals__ #}{% raw %}{{ x.__class__ }}{% endraw %}",
      "{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>\\n' + message['content'] "
      "| trim + "
      "'<|end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}",
      "{%- if messages[0]['role'] == 'system' -%}{%- set system_message = messages[0]['content'] | trim -%}"
      "{%- set loop_messages = messages[1:] -%}{%- else -%}{%- set loop_messages = messages -%}{%- endif -%}"
      "{%- for message in loop_messages -%}{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}"
      "{{- raise_exception('roles must alternate user/assistant/user/assistant/...') -}}{%- endif -%}{%- "
      "endfor -%}",
      "{%- set ns = namespace(is_first=false, is_tool=false, system_prompt='', is_first_sp=true) %}"
      "{%- for message in messages %}{%- if message['role'] == 'system' %}{%- if ns.is_first_sp %}"
      "{% set ns.system_prompt = ns.system_prompt + message['content'] %}{% set ns.is_first_sp = false %}{%- "
      "else %}"
      "{% set ns.system_prompt = ns.system_prompt + '\\n\\n' + message['content'] %}{%- endif %}{%- endif %}"
      "{%- endfor %}{{ bos_token }}{{ ns.system_prompt }}",
      "{% set content = message['content'] %}{% if '</think>' in content %}"
      "{% set content = content.split('</think>')[-1].lstrip('\\n') %}{% endif %}"
      "{{ content.rstrip('\\n').split('<think>')[-1].strip() }}",
      "{%- if tools %}{{- '<|im_start|>system\\n' }}{%- for tool in tools %}{{- '\\n' }}{{- tool | tojson }}"
      "{%- endfor %}{{- '\\n</tools>\\n{\"name\": <function-name>, \"arguments\": <args-json-object>}' }}{%- "
      "endif %}",
      "{%- for tool_call in message.tool_calls %}{%- if tool_call.function is defined %}"
      "{%- set tool_call = tool_call.function %}{%- endif %}{{- '{\"name\": \"' }}{{- tool_call.name }}"
      "{{- '\", \"arguments\": ' }}{{- tool_call.arguments | tojson }}{%- endfor %}",
      "{%- macro json_to_python_type(json_spec) %}{%- set basic_type_map = {'string': 'str', 'number': "
      "'float'} %}"
      "{%- if basic_type_map[json_spec.type] is defined %}{{- basic_type_map[json_spec.type] }}"
      "{%- elif json_spec.type == 'array' %}{{- 'list[' + json_to_python_type(json_spec['items']) + ']' }}"
      "{%- elif json_spec.type is iterable %}{%- for t in json_spec.type %}{{- json_to_python_type({'type': "
      "t}) }}"
      "{%- endfor %}{%- endif %}{%- endmacro %}{{ json_to_python_type(tools[0]) }}",
      "{% for key, val in arguments.items() %}{{ key ~ '=' ~ val | tojson(indent=4) }}{% endfor %}",
      "{% for k in params|dictsort %}{{ k[0] }}{{ params[k[0]] }}{% endfor %}",
      "{%- set system_message = messages | selectattr('role', 'equalto', 'system') | "
      "map(attribute='content') | "
      "first | default('') %}{{ messages | rejectattr('role', 'equalto', role) | list | length }}",
      "{% generation %}{{ message.content }}{{ eos_token }}{% endgeneration %}{% continue %}{% break %}",
      "{%- if strftime_now is defined %}{%- set date_string = strftime_now('%d %b %Y') %}{%- else %}"
      "{%- set date_string = '26 Jul 2024' %}{%- endif %}",
      "{% set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}"
      "{% for message in messages[::-1] %}{% set index = (messages|length - 1) - loop.index0 %}"
      "{% if ns.multi_step_tool and message.role == 'user' and message.content is string and "
      "not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}"
      "{% set ns.last_query_index = index %}{% endif %}{% endfor %}{{ messages[index - 1].role }}",
      "{% for _ in range(3) %}{% set _ = items.append(1) %}{% endfor %}{{ '_'.join(items) }}{{ 'a' * 10 }}",
      "{{ '{}: {:.2f}'.format(name, value) }}{{ '%s-%d'|format(name, 3) }}",
      "{% set roles = {'user': 'U', 'assistant': 'A'} %}{{ roles[message.role] }}{{ roles[message['role'] | "
      "lower] }}",
      "{% set sep = joiner(', ') %}{% for x in y %}{{ sep() }}{{ x }}{% endfor %}",
      "{{ x if x is not none and x is not defined else y }}{{ {'a': {'b': 1}} }}{{ a.0 }}{{ 1.5e3 }}{{ 1_000 "
      "}}",
      "{% set content %}{{ m.content }}{% endset %}{{ content[0] }}{{ content|trim }}",
      "{{ item.input_audio.format }}{{ '<__media__>' }}{{ tools|map(attribute='function.name')|join('_') }}",
      "{% macro a() %}x{% endmacro %}{% set l = [] %}{% set l = l + [a] %}{% for i in range(l|length) %}{{ "
      "l[i]() }}{% endfor %}"
      "{% set n = (a() ~ 'b')|length %}{% set t = 'a' ~ b %}{{ m[t|length - 1] }}",
      "{% call(x) show() %}{{ x }}{% endcall %}{% macro show() %}{{ caller('a') }}{% endmacro %}",
      "{% filter upper %}a{% endfilter %}{% with a = 1 %}{{ a }}{% endwith %}",
      "{{ 'é' ~ '\\u00e9' }}{{ x is divisibleby(3) }}{{ tools|sort(attribute='name')|sort(false, true) }}",
  };
  for (const std::string_view source : templates) {
    const Verdict verdict = Look(source);
    EXPECT_TRUE(verdict.grades.empty()) << source << "\n"
                                        << (verdict.findings.empty() ? "" : verdict.findings[0].text);
  }
}

TEST(Template, RefusesWhatLeadsOut) {
  struct Case {
    std::string_view source;
    std::string_view codes;
  };

  const Case cases[] = {
      {"{{ x.__class__ }}", "template-private"},
      {"{{ x._secret }}", "template-private"},
      {"{{ x['__class__'] }}", "template-private"},
      {"{{ x['_a'] }}", "template-private"},
      {R"({{ x['\x5f_class__'] }})", "template-private"},
      {R"({{ x['\137_cl\u0061ss__'] }})", "template-private"},
      {R"({{ x['\N{LOW LINE}_class__'] }})", "template-computed"},
      {"{{ x['__cl' ~ 'ass__'] }}", "template-private"},
      {"{{ x['__cl' + 'ass__'] }}", "template-private"},
      {"{{ x['__cl' 'ass__'] }}", "template-private"},
      {"{{ x['a__class__'[1:]] }}", "template-computed template-private"},
      {"{{ x|attr('__class__') }}", "template-private"},
      {"{{ x|attr('_a') }}", "template-private"},
      {"{{ x|attr(name) }}", "template-computed"},
      {"{{ x|map(attribute='_a.b') }}", "template-private"},
      {"{{ x|map('attr', '_a') }}", "template-private"},
      {"{{ x|map('attr', a) }}", "template-computed"},
      {"{{ x|map(f) }}", "template-computed"},
      {"{{ x|selectattr('a.__b') }}", "template-private"},
      {"{{ x|groupby('_a') }}", "template-private"},
      {"{{ x|sort(attribute='_a') }}", "template-private"},
      {"{{ x|sort(false, false, '_a') }}", "template-private"},
      {"{{ x|join(',', '_a') }}", "template-private"},
      {"{{ x|sum(start=0, attribute=a) }}", "template-computed"},
      {"{% set a = '__globals__' %}{{ x[a] }}", "template-private"},
      {"{% set a = '__' %}{{ x[a + 'class' + a] }}", "template-computed"},
      {"{% set a = '__' %}{% set b = a + c + a %}{{ x[b] }}", "template-computed"},
      {"{% set a = y ~ 'class' ~ y %}{% set b = a %}{{ x[b] }}", "template-computed"},
      {"{{ x[b] }}{% set b = a %}{% set a = '%c' % 95 %}", "template-computed"},
      {"{% for a in ['_', 'x']|join %}{{ x[a] }}{% endfor %}", "template-computed"},
      {"{% set ns.k = a ~ b %}{{ x[ns.k] }}", "template-computed"},
      {"{% set k %}{{ a }}class{{ a }}{% endset %}{{ x[k] }}", "template-computed"},
      {"{% macro m(k) %}{{ x[k] }}{% endmacro %}{{ m(a ~ b) }}", "template-computed"},
      {"{% macro m() %}_{% endmacro %}{{ x[m()] }}", "template-computed"},
      {"{% for k in range(1) | map('string') | join %}{{ x[k] }}{% endfor %}", "template-computed"},
      {"{% set t = 'x__class' %}{{ x[t[1:]] }}", "template-computed"},
      {"{{ __import__('os') }}", "template-private"},
      {"{{ dict(__class__=1) }}", "template-private"},
      {"{{ f(_a=1) }}", "template-unlisted template-private"},
      {"{{ x.gi_frame }}", "template-internal"},
      {"{{ x['f_globals'] }}", "template-internal"},
      {"{{ x.mro() }}", "template-internal"},
      {"{{ lipsum.a }}", "template-escape"},
      {"{{ cycler['a'] }}", "template-escape"},
      {"{{ self|attr('a') }}", "template-escape"},
      {"{{ config.items() }}", "template-escape"},
      {"{{ request.application }}", "template-escape"},
      {"{% import 'x' as y %}", "template-import"},
      {"{% from 'x' import y %}", "template-import"},
      {"{% include 'x' %}", "template-import"},
      {"{%- extends 'x' -%}", "template-import"},
      {"{{ '{0.a}'.format(x) }}", "template-format"},
      {"{{ '{x[a]}'.format_map(y) }}", "template-format"},
      {"{{ a.format(x) }}", "template-format"},
      {"{{ '{0.a}'|format(x) }}", "template-format"},
      {"{{ x|run }}", "template-unlisted"},
      {"{{ x is magic }}", "template-unlisted"},
      {"{{ x is not magic }}", "template-unlisted"},
      {"{{ popen('x') }}", "template-unlisted"},
      {"{% set f = x.format %}{{ f('{0.a}') }}", "template-unlisted"},
      {"{{ x|map('run') }}", "template-unlisted"},
      {"{{ x|select('run') }}", "template-unlisted"},
      {"{% debug %}", "template-unlisted"},
      {"{% filter run %}{% endfilter %}", "template-unlisted"},
      {"{% for i in range(10001) %}{% endfor %}", "template-bomb"},
      {"{% for i in range(1000*1000) %}{% endfor %}", "template-bomb"},
      {"{% set n = 999999999 %}{% for i in range(n) %}{% endfor %}", "template-bomb"},
      {"{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}", "template-bomb"},
      {"{{ 'a' * 1048577 }}", "template-bomb"},
      {"{{ 1000 * 'aaaa' * 1000 }}", "template-bomb"},
      {"{{ 'a'.ljust(99999999) }}", "template-bomb"},
      {"{{ 'a'|center(99999999) }}", "template-bomb"},
      {"{{ 9 ** 9 ** 9 }}", "template-bomb"},
      {"{{ x", "template-broken"},
      {"{{ 'x }}", "template-broken"},
      {"{{ (x }}", "template-broken"},
      {"{{ x) }}", "template-broken"},
      {"{{ x $ y }}", "template-broken"},
      {"{# x", "template-broken"},
      {"{% raw %} x", "template-broken"},
      {"{% if x %}", "template-broken"},
      {"{% if x %}{% endfor %}{% endif %}", "template-broken"},
      {"{% endif %}", "template-broken"},
      {"{% else %}", "template-broken"},
      {"{% %}", "template-broken"},
      {"{{ x.__class__ }}{{ (", "template-broken template-private"},
      {"{% raw %}{% endraw %}{{ x._a }}", "template-private"},
      {"{{ {'a': x._b}}}", "template-private"},
  };
  for (const Case& c : cases) EXPECT_EQ(Codes(c.source), c.codes) << c.source;
}

TEST(Template, NamesWhatItReachesAndTheLine) {
  const Verdict verdict = Look("a\n{# \n #}{{ x\n }}\n{{ x.__globals__ }}");
  ASSERT_EQ(verdict.findings.size(), 1U);
  EXPECT_EQ(verdict.findings[0].text, "the chat template reaches \"__globals__\" (line 5)");
  EXPECT_EQ(verdict.findings[0].grade, Grade::kCode);
}

TEST(Template, HoldsItsLimits) {
  EXPECT_EQ(Codes(std::string(kMostTemplateBytes + 1, 'x')), "template-too-large");
  EXPECT_EQ(Codes(std::string(kMostTemplateBytes, 'x')), "");
  EXPECT_EQ(Codes("{{ " + std::string(70, '(') + "1" + std::string(70, ')') + " }}"), "template-broken");
  std::string nested;
  for (int i = 0; i < 70; ++i) nested += "{% if x %}";
  for (int i = 0; i < 70; ++i) nested += "{% endif %}";
  EXPECT_EQ(Codes(nested), "template-broken");
}

// Each name is built only by the one behind it, so that every round adds one.
std::string SlowTemplate() {
  constexpr int kNames = 6'000;
  std::string chain;
  for (int i = 0; i < kNames; ++i) {
    chain += "{% set a" + std::to_string(i) + " = a" + std::to_string(i + 1) + " %}";
  }
  return chain + "{% set a" + std::to_string(kNames) + " = b ~ c %}";
}

TEST(Template, WhatNobodyCouldReadOfAProgramIsCode) {
  const std::pair<std::string, std::string> unread[] = {
      {"{{ x", "template-broken"},
      {"{% if x %}", "template-broken"},
      {std::string(kMostTemplateBytes + 1, 'x'), "template-too-large"},
      {SlowTemplate(), "template-too-complex"},
  };
  for (const auto& [source, code] : unread) {
    const Verdict verdict = Look(source);
    EXPECT_EQ(verdict.grades, Grades{Grade::kCode}) << code;
    ASSERT_EQ(verdict.findings.size(), 1U) << code;
    EXPECT_EQ(verdict.findings[0].code, code);
  }
}

TEST(Template, EndsOnATemplateMadeToBeSlow) {
  std::string chain;
  for (int i = 0; chain.size() < 900'000; ++i) {
    chain += "{% set a" + std::to_string(i) + " = a" + std::to_string(i + 1) + " %}";
  }
  EXPECT_EQ(Codes(chain + "{% set a0 = b ~ c %}"), "");
  std::string backwards;
  for (int i = 0; backwards.size() < 900'000; ++i) {
    backwards += "{% set a" + std::to_string(i) + " = a" + std::to_string(i + 1) + " ~ '' %}";
  }
  EXPECT_EQ(Codes(backwards), "");
  std::string product = "{{ 1";
  while (product.size() < 900'000) product += "*1";
  EXPECT_EQ(Codes(product + " }}"), "");
}

TEST(TemplateLexer, ReadsTokens) {
  const TemplateParts parts = SplitTemplate("x{%- set a.b = 0x1F -%}{{ 'a\\'b' \"c\" }}");
  ASSERT_EQ(parts.problem, "");
  ASSERT_EQ(parts.parts.size(), 2U);
  EXPECT_TRUE(parts.parts[0].is_statement);
  ASSERT_EQ(parts.parts[0].tokens.size(), 6U);
  EXPECT_EQ(parts.parts[0].tokens[5].integer, 31U);
  ASSERT_EQ(parts.parts[1].tokens.size(), 1U);
  EXPECT_EQ(parts.parts[1].tokens[0].text, "a'bc");
}

}  // namespace
}  // namespace batuta::safety
